// The first use of an abbreviation on a page becomes a button that says what it means: on a tap, on focus, with Escape.
(function () {
  const page = document.getElementById("content");
  const source = document.body.dataset.glossary;
  if (!page || !source) return;
  const LEFT_ALONE = "a, button, label, summary, select, option, textarea, script, svg, kbd, code, [data-grid], .ll-log, .ll-glossary, .ll-state";
  const tip = document.createElement("div");
  tip.className = "ll-tip";
  tip.id = "glossary-tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;

  // On a narrow screen the head of a table is there for screen readers alone: nothing in it may take the focus.
  function isOutOfSight(element) {
    const head = element.closest("thead");
    return Boolean(head) && window.getComputedStyle(head).position === "absolute";
  }
  function show(button, meaning) {
    tip.textContent = meaning;
    tip.hidden = false;
    const box = button.getBoundingClientRect();
    const width = Math.min(320, window.innerWidth - 16);
    tip.style.width = width + "px";
    tip.style.left = Math.max(8, Math.min(box.left, window.innerWidth - width - 8)) + window.scrollX + "px";
    tip.style.top = box.bottom + 6 + window.scrollY + "px";
  }
  function hide() {
    tip.hidden = true;
  }
  // Beside a button, what a flexible box holds as text would be an item of its own: it stays one with it.
  function keepTogether(node) {
    if (window.getComputedStyle(node.parentElement).display !== "flex") return;
    const together = document.createElement("span");
    node.replaceWith(together);
    together.append(node);
  }
  function explain(node, term, at, meaning) {
    keepTogether(node);
    const rest = node.splitText(at);
    rest.nodeValue = rest.nodeValue.slice(term.length);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "ll-term";
    button.textContent = term;
    button.setAttribute("aria-describedby", tip.id);
    ["focus", "mouseenter", "click"].forEach(function (name) {
      button.addEventListener(name, function () {
        show(button, meaning);
      });
    });
    ["blur", "mouseleave"].forEach(function (name) {
      button.addEventListener(name, hide);
    });
    rest.before(button);
    return rest;
  }
  function walk(terms) {
    const names = Object.keys(terms).sort(function (a, b) {
      return b.length - a.length;
    });
    // UPS-H1 is a code and explains nothing; MW-days does.
    const wanted = new RegExp("(?<![A-Za-z0-9_-])(" + names.join("|") + ")(?![A-Za-z0-9_]|-[A-Z0-9])");
    const seen = new Set();
    const texts = [];
    const walker = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) texts.push(walker.currentNode);
    texts.forEach(function (text) {
      let node = text;
      if (!node.parentElement || node.parentElement.closest(LEFT_ALONE) || isOutOfSight(node.parentElement)) return;
      let found = wanted.exec(node.nodeValue);
      let from = 0;
      while (found) {
        const term = found[1];
        if (seen.has(term)) {
          from += found.index + term.length;
        } else {
          seen.add(term);
          node = explain(node, term, from + found.index, terms[term]);
          from = 0;
        }
        found = wanted.exec(node.nodeValue.slice(from));
      }
    });
  }
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") hide();
  });
  document.body.append(tip);
  fetch(source, { credentials: "same-origin" })
    .then(function (answer) {
      if (!answer.ok || answer.redirected) throw new Error();
      return answer.json();
    })
    .then(walk)
    .catch(hide);
})();
