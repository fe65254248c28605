// Keeps the page true: asks for its changing part again when the service says that something happened, and says so when it cannot.
"use strict";
(() => {
  const live = document.getElementById("live");
  const lost = document.getElementById("lost");
  let busy = false;
  let heard = Date.now();

  const openDetails = () => [...live.querySelectorAll("details[open]")].map((element) => element.id);

  async function refresh() {
    if (busy) return;
    busy = true;
    try {
      const answer = await fetch("/live", { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      const open = openDetails();
      const focused = document.activeElement && document.activeElement.id;
      live.innerHTML = await answer.text();
      open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
      if (focused) document.getElementById(focused)?.focus();
      heard = Date.now();
      document.title = live.firstElementChild?.dataset.title || document.title;
    } catch {
      // The banner below tells after a while; the next try comes by itself.
    } finally {
      busy = false;
    }
  }

  async function act(form) {
    if (form.dataset.sure && !confirm(form.dataset.sure)) return;
    const by = localStorage.getItem("shopwatch.name") || prompt("Your name, for the incident's story:");
    if (!by) return;
    localStorage.setItem("shopwatch.name", by);
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ by }),
    });
    if (!answer.ok) alert(`That did not work: ${answer.status} ${await answer.text()}`);
    refresh();
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-act]")) return;
    event.preventDefault();
    act(event.target);
  });

  new EventSource("/events").onmessage = refresh;
  setInterval(refresh, 5000);
  setInterval(() => {
    const silent = Math.round((Date.now() - heard) / 1000);
    lost.hidden = silent < 15;
    lost.textContent = `No word from Shopwatch for ${silent} s: what you see is old.`;
  }, 1000);
})();
