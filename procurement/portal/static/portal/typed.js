// What was typed into a form outlives a lost session, an old form and a lost connection: it is kept in this tab from
// the moment it is sent until the next page shows that it arrived. The grid keeps its own.
(function () {
  const KEPT = "longlead-typed";
  const said = document.body.dataset;
  const here = window.location.pathname + window.location.search;

  function read() {
    try {
      return JSON.parse(window.sessionStorage.getItem(KEPT) || "null");
    } catch (error) {
      return null;
    }
  }
  function write(typed) {
    try {
      if (typed) window.sessionStorage.setItem(KEPT, JSON.stringify(typed));
      else window.sessionStorage.removeItem(KEPT);
    } catch (error) {
      /* Without storage the browser's own way back has to do. */
    }
  }
  function addressOf(form) {
    // By the attribute: a field may be named like a property of its form.
    const address = new URL(form.getAttribute("action") || "", window.location.href);
    return address.pathname + address.search;
  }
  function isSent(form) {
    return (form.getAttribute("method") || "get").toLowerCase() === "post";
  }
  function fields(form) {
    return Array.from(form.elements).filter(function (field) {
      return field.name && !["hidden", "file", "password", "submit", "button"].includes(field.type);
    });
  }
  function isChosen(field) {
    return field.type === "checkbox" || field.type === "radio";
  }
  function tell(form, text) {
    const old = form.querySelector("[data-typed-said]");
    const note = old || document.createElement("p");
    note.className = "ll-note ll-warn";
    note.setAttribute("role", "status");
    note.setAttribute("data-typed-said", "");
    note.textContent = text;
    if (!old) form.prepend(note);
  }
  function putBack(typed) {
    const form = Array.from(document.forms).find(function (each) {
      return isSent(each) && addressOf(each) === typed.to;
    });
    if (!form) return;
    const left = typed.values.slice();
    fields(form).forEach(function (field) {
      if (field.tagName === "SELECT" && field.multiple) {
        Array.from(field.options).forEach(function (option) {
          option.selected = left.some(function (each) {
            return each[0] === field.name && each[1] === option.value;
          });
        });
        return;
      }
      const at = left.findIndex(function (each) {
        return each[0] === field.name && (!isChosen(field) || each[1] === field.value);
      });
      if (isChosen(field)) field.checked = at >= 0;
      else if (at >= 0) field.value = left[at][1];
      if (at >= 0) left.splice(at, 1);
    });
    for (let part = form.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    tell(form, said.typedBack);
    form.scrollIntoView({ block: "center" });
  }

  const typed = read();
  // A refused form is shown under the address that it was sent to, where nothing can be read again.
  let page = here;
  const login = document.querySelector("form input[name=login]");
  const old = document.querySelector("[data-typed-link]");
  if (typed && (login || old)) {
    write(Object.assign(typed, { isLost: true }));
    if (login) {
      const next = login.form.elements.next || login.form.appendChild(document.createElement("input"));
      next.type = "hidden";
      next.name = "next";
      next.value = typed.page;
    } else {
      old.href = typed.page;
      old.hidden = false;
    }
  } else if (typed) {
    const came = performance.getEntriesByType("navigation")[0];
    const isBack = Boolean(came) && came.type === "back_forward";
    const isMine = typed.person === said.person;
    if (isMine && typed.page === here && (typed.isLost || isBack)) putBack(typed);
    if (isMine && typed.to === here) page = typed.page;
    if (!isMine || !typed.isLost || typed.page === here) write(null);
  }

  document.addEventListener("submit", function (event) {
    const form = event.target;
    if (event.defaultPrevented || !isSent(form) || form.querySelector("[type=password]")) return;
    const values = fields(form)
      .filter(function (field) {
        return !isChosen(field) || field.checked;
      })
      .flatMap(function (field) {
        const chosen = field.multiple && field.selectedOptions ? Array.from(field.selectedOptions) : [field];
        return chosen.map(function (each) {
          return [field.name, each.value];
        });
      });
    if (!values.length) return;
    if (!navigator.onLine) {
      event.preventDefault();
      tell(form, said.typedOffline);
      return;
    }
    write({ person: said.person, page: page, to: addressOf(form), values: values });
  });
})();
