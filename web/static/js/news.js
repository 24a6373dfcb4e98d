// News of the ledger, heard only while the page is looked at: a browser opens six connections to a host
// that speaks HTTP/1.1, and six tabs that kept one each would leave none to the seventh.
export function followNews(onNews, onLost = () => {}) {
  let news = null;
  const listen = () => {
    news?.close();
    if (document.hidden) return;
    news = new EventSource("/events");
    news.addEventListener("worklist", onNews);
    news.addEventListener("error", onLost);
  };
  document.addEventListener("visibilitychange", listen);
  listen();
}
