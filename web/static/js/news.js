// News of the ledger, heard only while the page is looked at: a browser opens six connections to a host
// that speaks HTTP/1.1, and six tabs that kept one each would leave none to the seventh.
// A stream ends every few minutes and is opened again: only one that stays away is lost.
const LOST_AFTER_MILLISECONDS = 4000;

export function followNews(onNews, onLost = () => {}) {
  let news = null;
  let loss = null;
  const hear = (event) => {
    clearTimeout(loss);
    loss = null;
    onNews(event);
  };
  const miss = () => { loss ??= setTimeout(onLost, LOST_AFTER_MILLISECONDS); };
  const listen = () => {
    news?.close();
    if (document.hidden) return;
    news = new EventSource("/events");
    news.addEventListener("worklist", hear);
    news.addEventListener("error", miss);
  };
  document.addEventListener("visibilitychange", listen);
  listen();
}
