/* Preloaded into a node's processes by the fault tests: system calls that fail when they are told to,
 * and a clock that steps. What to do is read from a file that the test shares (tests/faults/shim.py):
 * 64-bit words by place, then a folder's path. Nothing is asked of the node's own code. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { PID, KINDS, ERROR, FIRST, LAST, COUNTED, HITS, CLOCKS = 8, CLOCKS_MAX = 24 };
enum { OPEN = 1, WRITE = 2, SYNC = 4, RENAME = 8 };
#define FOLDER_AT 512
#define SIZE 1024

static volatile int64_t *words;

__attribute__((constructor)) static void map_control(void) {
    const char *path = getenv("FAULTS_CONTROL");
    int file = path ? open(path, O_RDWR) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) words = mapped;
    close(file);
}

/* Whether this call on that file is one that has to fail. */
static int fails(const char *path) {
    const char *folder = (const char *)words + FOLDER_AT;
    if (strncmp(path, folder, strlen(folder)) != 0) return 0;
    int64_t number = __atomic_add_fetch(&words[COUNTED], 1, __ATOMIC_SEQ_CST);
    if (number < words[FIRST] || number > words[LAST]) return 0;
    __atomic_add_fetch(&words[HITS], 1, __ATOMIC_SEQ_CST);
    errno = (int)words[ERROR];
    return 1;
}

static int is_meant(int kind) { return words && (words[KINDS] & kind) && words[PID] == getpid(); }

static int fails_for_path(int kind, const char *path) { return is_meant(kind) && fails(path); }

static int fails_for_file(int kind, int file) {
    char link[64], path[512];
    if (!is_meant(kind)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(path);
}

#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        NEXT(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        return fails_for_path(OPEN, path) ? -1 : next(path, flags, mode); \
    }
OPENS(open)
OPENS(open64)

ssize_t write(int file, const void *bytes, size_t count) {
    NEXT(write);
    return fails_for_file(WRITE, file) ? -1 : next(file, bytes, count);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    NEXT(pwrite64);
    return fails_for_file(WRITE, file) ? -1 : next(file, bytes, count, offset);
}

int fsync(int file) {
    NEXT(fsync);
    return fails_for_file(SYNC, file) ? -1 : next(file);
}

int fdatasync(int file) {
    NEXT(fdatasync);
    return fails_for_file(SYNC, file) ? -1 : next(file);
}

int rename(const char *from, const char *to) {
    NEXT(rename);
    return fails_for_path(RENAME, from) ? -1 : next(from, to);
}

/* How far the wall clock of this process is off, in seconds: its own entry, else that of all (0). */
static int64_t step_seconds(void) {
    int64_t all = 0, process = getpid();
    if (!words) return 0;
    for (int place = CLOCKS; place < CLOCKS + 2 * CLOCKS_MAX; place += 2) {
        if (words[place] == process) return words[place + 1];
        if (words[place] == -1) all = words[place + 1];
    }
    return all;
}

int clock_gettime(clockid_t clock, struct timespec *moment) {
    NEXT(clock_gettime);
    int outcome = next(clock, moment);
    if (outcome == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        moment->tv_sec += step_seconds();
    return outcome;
}

int gettimeofday(struct timeval *restrict moment, void *restrict zone) {
    NEXT(gettimeofday);
    int outcome = next(moment, zone);
    if (outcome == 0) moment->tv_sec += step_seconds();
    return outcome;
}

time_t time(time_t *moment) {
    NEXT(time);
    time_t now = next(NULL) + step_seconds();
    if (moment) *moment = now;
    return now;
}
