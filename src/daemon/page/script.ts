/**
 * The page's script, as the browser runs it: sections that have changed come by server-sent events, and times say how long
 * ago they were. All HTML was made and escaped by the daemon.
 */
export const SCRIPT = `
(() => {
  'use strict';
  const live = document.getElementById('live');
  const say = (text) => { if (live.textContent !== text) live.textContent = text; };
  const span = (seconds) => {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 60) return s + ' s ago';
    if (s < 3600) return Math.floor(s / 60) + ' min ago';
    if (s < 172800) return Math.floor(s / 3600) + ' h ' + Math.floor(s % 3600 / 60) + ' min ago';
    return Math.floor(s / 86400) + ' days ago';
  };
  let ahead = Date.now() - Number(document.body.dataset.at);
  if (Math.abs(ahead) < 30000) ahead = 0;
  const tick = () => {
    for (const time of document.querySelectorAll('time')) {
      if (!time.title) time.title = time.textContent;
      const text = span((Date.now() - ahead - Date.parse(time.dateTime)) / 1000);
      if (time.textContent !== text) time.textContent = text;
    }
  };
  const begin = () => {
    const source = new EventSource('events');
    source.onopen = () => say('Live');
    source.addEventListener('section', (event) => {
      const { id, html } = JSON.parse(event.data);
      const section = document.getElementById(id);
      if (!section) return;
      section.innerHTML = html;
      tick();
    });
    source.onerror = () => {
      say('Not live: the connection is lost; trying again');
      if (source.readyState !== EventSource.CLOSED) return;
      say('Not live: the daemon does not answer, or too many pages are open; trying again');
      setTimeout(begin, 10000);
    };
  };
  tick();
  setInterval(tick, 1000);
  begin();
})();
`;
