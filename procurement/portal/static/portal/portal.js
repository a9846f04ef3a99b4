// Comfort only: every page works without it.
(function () {
  // Menus are <details>: close them on Escape, on a click elsewhere, and when the focus leaves.
  function closeMenus(except) {
    document.querySelectorAll("details[data-menu][open]").forEach(function (menu) {
      if (menu !== except) menu.removeAttribute("open");
    });
  }
  document.addEventListener("click", function (event) {
    closeMenus(event.target.closest("details[data-menu]"));
  });
  document.addEventListener("focusin", function (event) {
    closeMenus(event.target.closest("details[data-menu]"));
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details[data-menu][open]");
    if (!open) return;
    open.removeAttribute("open");
    open.querySelector("summary").focus();
  });

  // The demo's log-in page: a button fills in its account.
  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-demo-account]");
    if (!button) return;
    const login = document.querySelector("input[name=login]");
    const password = document.querySelector("input[name=password]");
    if (!login || !password) return;
    login.value = button.dataset.demoAccount;
    password.value = button.dataset.demoPassword;
    login.form.submit();
  });

  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-print]")) window.print();
  });

  // A part of a page that an address points into opens itself.
  function openTarget() {
    const id = window.location.hash.slice(1);
    const target = id && document.getElementById(id);
    if (target && target.tagName === "DETAILS") target.open = true;
  }
  window.addEventListener("hashchange", openTarget);
  document.addEventListener("DOMContentLoaded", function () {
    openTarget();
    // Pictures wider than the screen begin with today in their middle.
    document.querySelectorAll("[data-middle]").forEach(function (place) {
      const names = place.firstElementChild.offsetWidth;
      place.scrollLeft = Number(place.dataset.middle) - (place.clientWidth - names) / 2;
    });
    const wrong = document.querySelector("[aria-invalid=true]");
    if (!wrong) return;
    wrong.focus();
    // An address that names a part of the page takes the focus there once all is loaded.
    window.addEventListener("load", function () { wrong.focus(); });
  });
})();
