// Tries an operation of the API from its page of the reference.
"use strict";
(() => {
  // form[data-call=METHOD][data-path] asks the API what its fields say (`path.id`, `query.limit`, `body`) and shows
  // the answer.
  const call = async (form) => {
    const query = new URLSearchParams(), headers = {}, [figure, out] = [form.querySelector("figure"), form.querySelector("output")];
    let { call: method, path, type } = form.dataset, body;
    for (const [name, value] of new FormData(form)) {
      const [where, what] = name.split(/\.(.*)/);
      if (where === "path") path = path.replace(`{${what}}`, encodeURIComponent(value.trim()));
      else if (!value.trim()) continue;
      else if (where === "query") query.append(what, value.trim());
      else if (where === "header") headers[what] = value.trim();
      else if (where === "key") headers.authorization = `Bearer ${value.trim()}`;
      else { body = value; headers["content-type"] = type; }
    }
    try {
      const answer = await fetch(query.size ? `${path}?${query}` : path, { method: method.toUpperCase(), headers, body });
      const text = await answer.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* no JSON: as it came */ }
      out.textContent = `${answer.status} ${answer.statusText}\n${shown}`;
    } catch {
      out.textContent = "No answer. Is the server reached?";
    }
    figure.hidden = false;
  };
  addEventListener("submit", (event) => {
    const { target, submitter } = event;
    if (!target.matches("[data-call]")) return;
    event.preventDefault();
    call(target).finally(() => {
      submitter.disabled = false;
      submitter.ariaBusy = null;
    });
  });
})();
