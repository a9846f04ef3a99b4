// Keys: Ctrl+K goes anywhere; keys of one letter only where the person has them switched on.
(function () {
  const palette = document.querySelector("[data-palette]");
  const help = document.querySelector("[data-keys-help]");
  if (!palette || !help) return;
  const hasLetters = document.body.dataset.shortcuts === "1";
  const input = palette.querySelector("input");
  const list = palette.querySelector("ul");
  const said = palette.querySelector("[data-palette-said]");
  let asked = 0;
  let waiting = null;
  let afterG = false;

  function options() {
    return Array.from(list.querySelectorAll("[data-url]"));
  }
  function choose(option) {
    options().forEach(function (each) {
      each.setAttribute("aria-selected", String(each === option));
    });
    if (!option) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }
  function chosen() {
    return list.querySelector('[aria-selected="true"]');
  }
  function ask() {
    const mine = (asked += 1);
    fetch(palette.dataset.url + "?" + new URLSearchParams({ q: input.value }), {
      headers: { "HX-Request": "true" },
      credentials: "same-origin",
    })
      .then(function (answer) {
        if (!answer.ok || answer.redirected) throw new Error();
        return answer.text();
      })
      .then(function (html) {
        if (mine !== asked) return;
        list.innerHTML = html;
        choose(options()[0]);
        said.textContent = said.dataset.words.replace("{count}", options().length);
      })
      .catch(function () {
        /* Enter still leads to the search page. */
      });
  }
  function open() {
    if (!palette.open) palette.showModal();
    input.select();
    ask();
  }
  input.addEventListener("input", function () {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(ask, 120);
  });
  palette.addEventListener("keydown", function (event) {
    const found = options();
    const at = found.indexOf(chosen());
    if (event.key === "ArrowDown") choose(found[(at + 1) % found.length]);
    else if (event.key === "ArrowUp") choose(found[(at - 1 + found.length) % found.length]);
    else if (event.key === "Enter" && chosen()) window.location.assign(chosen().dataset.url);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", function (event) {
    const option = event.target.closest("[data-url]");
    if (option) window.location.assign(option.dataset.url);
  });
  [palette, help].forEach(function (dialog) {
    dialog.addEventListener("click", function (event) {
      if (event.target === dialog || event.target.closest("[data-keys-close]")) dialog.close();
    });
  });
  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-open-palette]")) {
      event.preventDefault();
      open();
    } else if (event.target.closest("[data-open-keys]")) {
      help.showModal();
    }
  });

  // -- rows of a list ---------------------------------------------------------------------------------------------

  function rows() {
    return Array.from(document.querySelectorAll("[data-rows] tbody tr, [data-rows] [data-row]:not(tr)"));
  }
  function step(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex(function (row) {
      return row.hasAttribute("data-here");
    });
    const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
    all.forEach(function (row) {
      row.removeAttribute("data-here");
    });
    next.setAttribute("data-here", "");
    const link = next.querySelector("[data-line]") || next.querySelector("a");
    if (link) link.focus();
  }

  document.addEventListener("keydown", function (event) {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
      return;
    }
    const isTyping = event.target.closest("input, select, textarea, [contenteditable], [data-grid], dialog[open]");
    if (!hasLetters || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
    if (afterG) {
      afterG = false;
      const place = help.querySelector('[data-key="' + CSS.escape(event.key) + '"]');
      if (place) {
        event.preventDefault();
        window.location.assign(place.dataset.go);
      }
      return;
    }
    const row = document.querySelector("[data-rows] [data-here]");
    switch (event.key) {
      case "/":
        open();
        break;
      case "?":
        help.showModal();
        break;
      case "g":
        afterG = true;
        window.setTimeout(function () {
          afterG = false;
        }, 1500);
        break;
      case "j":
        step(1);
        break;
      case "k":
        step(-1);
        break;
      case "p":
        if (!row || !row.querySelector("[data-preview]")) return;
        row.querySelector("[data-preview]").click();
        break;
      default:
        return;
    }
    event.preventDefault();
  });
})();
