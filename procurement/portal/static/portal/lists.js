// Comfort for lists: the preview beside the list, and columns that move. Without it links lead to whole pages.
(function () {
  const drawer = function () {
    return document.querySelector("[data-drawer]");
  };
  let opener = null;

  document.addEventListener("click", function (event) {
    const link = event.target.closest("[data-preview]");
    const place = drawer();
    if (!link || !place || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (!place.open) opener = link;
    fetch(link.href, { headers: { "HX-Request": "true" }, credentials: "same-origin" })
      .then(function (answer) {
        if (!answer.ok || answer.redirected) throw new Error();
        return answer.text();
      })
      .then(function (html) {
        place.innerHTML = html;
        if (!place.open) place.showModal();
        const again = place.querySelector("[rel=" + (link.rel || "next") + "]") || place.querySelector("[data-close]");
        again.focus();
      })
      .catch(function () {
        window.location.assign(link.href);
      });
  });
  document.addEventListener("click", function (event) {
    const place = drawer();
    if (place && place.open && (event.target === place || event.target.closest("[data-close]"))) place.close();
  });
  document.addEventListener(
    "close",
    function (event) {
      if (event.target === drawer() && opener && opener.isConnected) opener.focus();
    },
    true,
  );

  // Whoever chooses before the scripts are there is heard then: htmx listens from this moment on.
  function changed(field) {
    if (field.options) {
      const options = Array.from(field.options);
      const first = options.find((option) => option.defaultSelected) || options[0];
      return field.multiple ? options.some((o) => o.selected !== o.defaultSelected) : !first.selected;
    }
    return field.checked !== field.defaultChecked || field.value !== field.defaultValue;
  }
  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("form[hx-get]").forEach(function (form) {
      const field = Array.from(form.elements).find((field) => field.name && changed(field));
      if (field) field.dispatchEvent(new Event("change", { bubbles: true }));
    });
  });

  // A list that was swapped is counted aloud in a region that was there before.
  document.addEventListener("htmx:afterSwap", function () {
    const count = document.querySelector("[data-log-count]");
    const said = document.querySelector("[data-log-said]");
    if (said) said.textContent = count ? count.textContent : "";
  });

  // Without a connection the list stays as it was, and says so; what the server could not answer is asked for whole.
  function offline(text) {
    const list = document.getElementById("results");
    const old = document.querySelector("[data-list-note]");
    if (old) old.remove();
    if (!list || !text) return;
    const note = document.createElement("p");
    note.className = "ll-note ll-warn";
    note.setAttribute("role", "alert");
    note.setAttribute("data-list-note", "");
    note.textContent = text;
    list.before(note);
  }
  document.addEventListener("htmx:sendError", function () {
    offline(document.body.dataset.listOffline);
  });
  document.addEventListener("htmx:beforeSwap", function () {
    offline("");
  });
  document.addEventListener("htmx:responseError", function (event) {
    window.location.assign(event.detail.pathInfo.finalRequestPath);
  });

  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-move]");
    if (!button) return;
    const row = button.closest("li");
    const other = button.dataset.move === "1" ? row.nextElementSibling : row.previousElementSibling;
    if (!other) return;
    if (button.dataset.move === "1") other.after(row);
    else other.before(row);
    button.focus();
  });
})();
