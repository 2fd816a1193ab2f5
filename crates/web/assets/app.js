// Progressive enhancement only: every page works without this file.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // Theme, set from <head> so that no page flashes in the wrong one; "auto" follows the system.
  const themes = ["auto", "light", "dark"];
  const theme = () => root.dataset.theme || "auto";
  const setTheme = (name) => {
    if (name === "auto") delete root.dataset.theme;
    else root.dataset.theme = name;
  };
  const nameTheme = () => {
    for (const label of document.querySelectorAll("[data-theme-name]")) label.textContent = theme();
  };
  try {
    const saved = localStorage.getItem("theme");
    if (themes.includes(saved)) setTheme(saved);
  } catch { /* no storage: the choice lasts for one page */ }
  const nextTheme = () => {
    setTheme(themes[(themes.indexOf(theme()) + 1) % themes.length]);
    nameTheme();
    try { localStorage.setItem("theme", theme()); } catch { /* as above */ }
  };

  // [data-copy] holds the text; what became of it is read out.
  const copy = async (button) => {
    const note = button.querySelector("[data-copy-note]");
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      note.textContent = "Copied";
    } catch {
      note.textContent = "Not allowed";
    }
    button.classList.add("told");
    setTimeout(() => { button.classList.remove("told"); note.textContent = "Copy"; }, 1500);
  };

  // [data-refresh=URL][data-every=ms][id] is replaced by the element of that id in the answer, which
  // ends it by having no data-refresh. Nothing moves while it holds the focus.
  const refresh = (old) => setTimeout(async () => {
    let now = old;
    try {
      if (!document.hidden && !old.contains(document.activeElement)) {
        const answer = await fetch(old.dataset.refresh);
        const html = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = answer.ok && html.getElementById(old.id);
        if (fresh && fresh.outerHTML !== old.outerHTML) old.replaceWith(now = fresh);
      }
    } catch { /* no network: try again next time */ }
    if (now.isConnected && now.dataset.refresh) refresh(now);
  }, Math.max(1000, +old.dataset.every || 5000));

  addEventListener("click", ({ target }) => {
    const button = target.closest("[data-copy], [data-theme-toggle]");
    if (button) button.matches("[data-copy]") ? copy(button) : nextTheme();
  });

  // A form is sent once: its button rests until the answer, or a return to the page.
  const rest = (button, busy) => {
    button.disabled = busy;
    button.ariaBusy = busy ? "true" : null;
  };
  addEventListener("submit", ({ submitter }) => submitter && setTimeout(rest, 0, submitter, true));
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("[aria-busy]")) rest(button, false);
  });

  addEventListener("DOMContentLoaded", () => {
    nameTheme();
    document.querySelectorAll("[data-refresh][id]").forEach(refresh);
  });
})();
