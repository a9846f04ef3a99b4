// The grid: typed into, pasted into and saved as far as each row can be. What was typed outlives a lost session or
// connection: it is kept in this tab's storage until it is saved or discarded. The page comes without its rows, which
// are asked for here.
(function () {
  const place = document.querySelector("[data-grid]");
  if (!place || typeof window.Tabulator !== "function") return;
  const read = function (id) {
    return JSON.parse(document.getElementById(id).textContent);
  };
  const config = read("grid-config");
  const words = config.words;
  const form = document.querySelector("[data-grid-form]");
  const said = document.querySelector("[data-grid-said]");
  const dialog = document.querySelector("[data-grid-conflicts]");
  const DATED = ["promise", "actual", "lock"];
  const TYPED = DATED.concat(["reason", "note"]);
  const KEPT = "longlead-grid-" + config.person;
  // On their way while the table is being made.
  const asked = fetch(config.rows, { credentials: "same-origin", redirect: "manual" }).then(answered);
  asked.catch(function () {}); // Said once the table is there.
  const stored = {}; // what the server said last, by key
  const wrong = {}; // message by field, by key
  const done = {}; // outcome by key
  const undoes = [];
  let turn = 0; // makes the state of a row be shown anew

  function answered(answer) {
    if (answer.type === "opaqueredirect") throw new Error(words.signed_out);
    if (!answer.ok) throw new Error(words.not_loaded);
    return answer.json();
  }
  function fill(text, facts) {
    return text.replace(/\{(\w+)\}/g, function (_whole, name) {
      return facts[name];
    });
  }
  function isOpen(data, field) {
    return field === "lock" ? data.pin : data.open;
  }
  function isEdited(data) {
    return TYPED.some(function (field) {
      return data[field] !== stored[data.key][field];
    });
  }
  function edited() {
    return table.getData().filter(isEdited);
  }
  function marks(cell) {
    const data = cell.getData();
    const field = cell.getField();
    const element = cell.getElement();
    element.classList.toggle("ll-open", isOpen(data, field));
    element.classList.toggle("ll-edited", data[field] !== stored[data.key][field]);
    element.classList.toggle("ll-wrong", Boolean(wrong[data.key] && wrong[data.key][field]));
  }
  function mark(cell) {
    const field = cell.getField();
    marks(cell);
    return field === "reason" ? config.reasons[cell.getValue()] || "" : cell.getValue();
  }
  function state(cell) {
    const data = cell.getData();
    if (wrong[data.key]) return "⚠ " + words.refused + ": " + Object.values(wrong[data.key]).join(" ");
    if (done[data.key] === "conflict") return "⚠ " + words.conflict;
    if (isEdited(data)) return "● " + words.changed;
    return done[data.key] ? "✓ " + words[done[data.key]] : "";
  }
  function plain(formatter) {
    // Text, never markup: a note of a vendor's may look like a tag.
    return function (cell) {
      return document.createTextNode(formatter(cell) || "");
    };
  }
  function show(cell) {
    return cell.getValue();
  }
  function order(cell) {
    const link = document.createElement("a");
    link.href = config.line.replace("KEY", cell.getData().key);
    link.textContent = cell.getValue();
    return link;
  }
  function column(field, more) {
    return Object.assign({ title: words[field], field: field, formatter: plain(show), headerSort: true }, more);
  }
  // The browser's own list: read out and typed into as everywhere else.
  function chooser(cell, onRendered, success, cancel) {
    const select = document.createElement("select");
    let isOver = false;
    function finish(act) {
      if (isOver) return;
      isOver = true;
      act();
    }
    function take() {
      finish(function () {
        success(select.value);
      });
    }
    select.className = "ll-grid-choice";
    select.setAttribute("aria-label", words.reason);
    select.add(new Option("–", ""));
    Object.keys(config.reasons).forEach(function (code) {
      select.add(new Option(config.reasons[code], code));
    });
    select.value = cell.getValue();
    onRendered(function () {
      select.focus({ preventScroll: true });
    });
    select.addEventListener("blur", take);
    select.addEventListener("keydown", function (event) {
      if (event.key === "Enter") take();
      else if (event.key === "Escape") finish(cancel);
    });
    return select;
  }
  function mayType(cell) {
    return isOpen(cell.getData(), cell.getField());
  }
  const table = new window.Tabulator(place, {
    index: "key",
    height: place.clientHeight || 500,
    layout: "fitDataFill",
    renderVerticalBuffer: 600,
    selectableRange: 1,
    selectableRangeColumns: false,
    selectableRangeRows: false,
    selectableRangeClearCells: false,
    editTriggerEvent: "dblclick",
    clipboard: "copy",
    clipboardCopyStyled: false,
    clipboardCopyRowRange: "range",
    clipboardCopyConfig: { rowHeaders: false, columnHeaders: false },
    columnDefaults: { resizable: true, headerWordWrap: true },
    columns: [
      column("site", { frozen: true, width: 70 }),
      column("order", { frozen: true, width: 150, formatter: order }),
      column("promise", { editor: "input", editable: mayType, formatter: plain(mark), width: 120 }),
      column("reason", {
        editor: chooser, editable: mayType, formatter: plain(mark), width: 150,
      }),
      column("note", { editor: "input", editable: mayType, formatter: plain(mark), width: 150 }),
      column("actual", { editor: "input", editable: mayType, formatter: plain(mark), width: 110 }),
      column("lock", { editor: "input", editable: mayType, formatter: plain(mark), width: 110 }),
      { title: words.state, field: "state", formatter: plain(state), width: 210, headerSort: false },
      column("step"), column("ros"), column("forecast"), column("float", { hozAlign: "right" }), column("vendor"), column("tags"),
      column("what", { width: 240 }),
    ],
  });

  // -- what was typed ---------------------------------------------------------------------------------------------

  function keep() {
    const typed = {};
    edited().forEach(function (data) {
      typed[data.key] = { was: Object.assign({}, stored[data.key]) };
      TYPED.forEach(function (field) {
        typed[data.key][field] = data[field];
      });
    });
    try {
      if (Object.keys(typed).length) window.sessionStorage.setItem(KEPT, JSON.stringify(typed));
      else window.sessionStorage.removeItem(KEPT);
    } catch (error) {
      /* Without storage it is kept in the page only. */
    }
  }
  function tell(text) {
    said.textContent = text;
  }
  function count() {
    const number = edited().length;
    tell(number ? fill(words.counts, { changed: number, wrong: Object.keys(wrong).length }) : "");
  }
  // Writes values into cells and remembers what they were, as one step of undo.
  function write(changes, remember) {
    const before = [];
    const updates = {};
    changes.forEach(function (change) {
      const row = table.getRow(change.key);
      if (!row || !isOpen(row.getData(), change.field)) return;
      before.push({ key: change.key, field: change.field, value: row.getData()[change.field] });
      updates[change.key] = updates[change.key] || { key: change.key };
      updates[change.key][change.field] = change.value;
      delete wrong[change.key];
      delete done[change.key];
    });
    if (!before.length) return Promise.resolve();
    if (remember) undoes.push(before);
    return table.updateData(Object.values(updates)).then(function () {
      Object.keys(updates).forEach(function (key) {
        table.getRow(key).reformat();
      });
      keep();
      count();
    });
  }
  function undo() {
    const step = undoes.pop();
    if (step) write(step, false);
  }
  table.on("cellEdited", function (cell) {
    undoes.push([{ key: cell.getData().key, field: cell.getField(), value: cell.getOldValue() }]);
    delete wrong[cell.getData().key];
    delete done[cell.getData().key];
    // Not the whole row: with Tab the next of its cells is being opened just now.
    const row = cell.getRow();
    TYPED.forEach(function (field) {
      marks(row.getCell(field));
    });
    turn += 1;
    row.update({ state: turn });
    keep();
    count();
  });

  // -- as in a sheet ----------------------------------------------------------------------------------------------

  function block() {
    const range = table.getRanges()[0];
    if (!range || !range.getRows().length) return null;
    return {
      keys: range.getRows().map(function (row) {
        return row.getData().key;
      }),
      fields: range.getColumns().map(function (each) {
        return each.getField();
      }),
    };
  }
  const reasonOf = {};
  Object.keys(config.reasons).forEach(function (code) {
    reasonOf[config.reasons[code].toLowerCase()] = code;
    reasonOf[code] = code;
  });
  function cleaned(field, text) {
    const value = text.trim();
    return field === "reason" ? reasonOf[value.toLowerCase()] || "" : value;
  }
  function isTyping(event) {
    return event.target.closest("input, select, textarea, [contenteditable]") !== null;
  }
  document.addEventListener("paste", function (event) {
    if (isTyping(event) || !event.clipboardData) return;
    const chosen = block();
    const text = event.clipboardData.getData("text/plain");
    if (!chosen || !text) return;
    event.preventDefault();
    const lines = text.replace(/\r\n?/g, "\n").replace(/\n$/, "").split("\n").map(function (line) {
      return line.split("\t");
    });
    const shown = table.getRows("active").map(function (row) {
      return row.getData().key;
    });
    const fields = table.getColumns().map(function (each) {
      return each.getField();
    });
    const top = shown.indexOf(chosen.keys[0]);
    const left = fields.indexOf(chosen.fields[0]);
    const isOne = lines.length === 1 && lines[0].length === 1;
    const changes = [];
    const height = isOne ? chosen.keys.length : lines.length;
    const width = isOne ? chosen.fields.length : lines[0].length;
    for (let down = 0; down < height && top + down < shown.length; down += 1) {
      for (let right = 0; right < width; right += 1) {
        const field = fields[left + right];
        if (TYPED.indexOf(field) < 0) continue;
        const value = isOne ? lines[0][0] : lines[down][right];
        if (value !== undefined) changes.push({ key: shown[top + down], field: field, value: cleaned(field, value) });
      }
    }
    write(changes, true);
  });
  function fillDown() {
    const chosen = block();
    if (!chosen) return;
    const first = table.getRow(chosen.keys[0]).getData();
    const changes = [];
    chosen.keys.slice(1).forEach(function (key) {
      chosen.fields.forEach(function (field) {
        if (TYPED.indexOf(field) >= 0) changes.push({ key: key, field: field, value: first[field] });
      });
    });
    write(changes, true);
  }
  document.addEventListener("keydown", function (event) {
    if (isTyping(event)) return;
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "z") {
      event.preventDefault();
      undo();
    } else if (command && event.key.toLowerCase() === "d") {
      event.preventDefault();
      fillDown();
    } else if (event.key === "F2" || event.key === "Delete") {
      const chosen = block();
      if (!chosen) return;
      if (event.key === "F2") {
        const cell = table.getRow(chosen.keys[0]).getCell(chosen.fields[0]);
        if (TYPED.indexOf(chosen.fields[0]) >= 0) cell.edit();
        return;
      }
      const changes = [];
      chosen.keys.forEach(function (key) {
        chosen.fields.forEach(function (field) {
          if (TYPED.indexOf(field) >= 0) changes.push({ key: key, field: field, value: stored[key][field] });
        });
      });
      write(changes, true);
    }
  });
  form.querySelector("[data-grid-fill]").addEventListener("click", function () {
    const chosen = block();
    const value = form.elements.bulk.value.trim();
    if (!chosen || !value) return;
    write(
      chosen.keys.map(function (key) {
        return { key: key, field: "promise", value: value };
      }),
      true,
    );
  });
  form.querySelector("[data-grid-undo]").addEventListener("click", undo);
  form.querySelector("[data-grid-discard]").addEventListener("click", function () {
    const changes = [];
    edited().forEach(function (data) {
      TYPED.forEach(function (field) {
        changes.push({ key: data.key, field: field, value: stored[data.key][field] });
      });
    });
    write(changes, true);
  });

  // -- saving -----------------------------------------------------------------------------------------------------

  function token() {
    const found = document.cookie.match(/(?:^|; )longlead_csrf=([^;]+)/);
    return found ? decodeURIComponent(found[1]) : form.elements.csrfmiddlewaretoken.value;
  }
  // One for each date of a row that was typed; a reason without one goes with the promise that stands.
  function editsOf(data) {
    const edits = [];
    data.forEach(function (each) {
      const typed = DATED.filter(function (field) {
        return each[field] !== stored[each.key][field];
      });
      (typed.length ? typed : ["promise"]).forEach(function (field) {
        edits.push({ data: each, field: field });
      });
    });
    return edits;
  }
  function send(edits) {
    const sent = edits.map(function (edit) {
      const each = edit.data;
      return {
        key: each.key,
        field: edit.field,
        said: each[edit.field],
        was: stored[each.key][edit.field],
        reason: each.reason || form.elements.reason.value,
        note: each.note,
      };
    });
    const body = {
      rows: sent,
      stated_on: form.elements.stated_on.value,
      source: form.elements.source.value,
      document: form.elements.document.value,
    };
    return fetch(config.save, {
      method: "POST",
      credentials: "same-origin",
      redirect: "manual",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
      body: JSON.stringify(body),
    }).then(
      function (answer) {
        if (answer.type === "opaqueredirect" || answer.status === 403) throw new Error(words.signed_out);
        if (answer.status !== 200 && answer.status !== 422) throw new Error(words.failed);
        return answer.json().then(function (found) {
          if (answer.status === 422) throw new Error(found.message);
          return found.rows;
        });
      },
      function () {
        throw new Error(words.offline);
      },
    );
  }
  function took(data, edits, answers) {
    const totals = { saved: 0, refused: 0, conflicts: 0 };
    const conflicts = [];
    const isLeft = {};
    data.forEach(function (each) {
      delete wrong[each.key];
    });
    answers.forEach(function (answer, at) {
      const each = edits[at].data;
      const field = edits[at].field;
      const key = each.key;
      if (!isLeft[key]) done[key] = answer.outcome;
      if (answer.outcome === "refused") {
        wrong[key] = Object.assign(wrong[key] || {}, { [field]: answer.message });
        totals.refused += 1;
        isLeft[key] = true;
      } else if (answer.outcome === "conflict") {
        totals.conflicts += 1;
        conflicts.push({ data: each, field: field, answer: answer });
        isLeft[key] = true;
      } else {
        totals.saved += 1;
        stored[key][field] = answer.said;
        // What was typed while the answer was on its way stays.
        const now = table.getRow(key).getData()[field];
        each[field] = now === each[field] ? answer.said : now;
      }
    });
    data.forEach(function (each) {
      const now = table.getRow(each.key).getData();
      ["reason", "note"].forEach(function (field) {
        each[field] = now[field] === each[field] && !isLeft[each.key] ? "" : now[field];
      });
    });
    undoes.length = 0;
    return table.updateData(data).then(function () {
      data.forEach(function (each) {
        table.getRow(each.key).reformat();
      });
      keep();
      tell(fill(words.summary, totals));
      if (conflicts.length) ask(conflicts);
    });
  }
  function save(data) {
    if (!data.length) return Promise.resolve();
    const edits = editsOf(data);
    return send(edits).then(
      function (answers) {
        return took(data, edits, answers);
      },
      function (error) {
        keep();
        tell(error.message);
      },
    );
  }
  form.addEventListener("submit", function (event) {
    event.preventDefault();
    if (!form.reportValidity()) return;
    // Copies: what is typed while the answer is on its way must not be lost.
    save(
      edited().map(function (data) {
        return Object.assign({}, data);
      }),
    );
  });

  // -- two people, one date ---------------------------------------------------------------------------------------

  function line(name, text) {
    const made = document.createElement("p");
    const head = document.createElement("strong");
    head.textContent = name + ": ";
    made.append(head, text);
    return made;
  }
  function button(label, act, tone) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "btn " + tone;
    made.textContent = label;
    made.addEventListener("click", act);
    return made;
  }
  function ask(conflicts) {
    const list = dialog.querySelector("[data-grid-conflict-rows]");
    list.replaceChildren();
    conflicts.forEach(function (conflict) {
      const data = conflict.data;
      const answer = conflict.answer;
      const part = document.createElement("section");
      part.className = "ll-conflict";
      const head = document.createElement("h3");
      head.textContent = data.order + " · " + words[conflict.field];
      const when = answer.at ? new Date(answer.at).toLocaleString(document.documentElement.lang) : "";
      const by = answer.by ? " (" + fill(words.by, { name: answer.by, when: when }) + ")" : "";
      const settle = function () {
        part.remove();
        if (!list.children.length) dialog.close();
      };
      part.append(
        head,
        line(words.yours, data[conflict.field]),
        line(words.theirs, (answer.said || words.nothing) + by),
        button(words.keep, function () {
          stored[data.key][conflict.field] = answer.said;
          delete done[data.key];
          write([{ key: data.key, field: conflict.field, value: answer.said }], false).then(settle);
        }, ""),
        button(words.overwrite, function () {
          // What stands now has been seen: only something newer still would be a conflict again.
          stored[data.key][conflict.field] = answer.said;
          save([Object.assign({}, table.getRow(data.key).getData())]).then(settle);
        }, "btn-primary"),
      );
      list.append(part);
    });
    dialog.showModal();
  }
  dialog.querySelector("[data-grid-conflicts-close]").addEventListener("click", function () {
    dialog.close();
  });

  // -- back again -------------------------------------------------------------------------------------------------

  function restore() {
    let typed = {};
    try {
      typed = JSON.parse(window.sessionStorage.getItem(KEPT) || "{}");
    } catch (error) {
      typed = {};
    }
    const changes = [];
    let number = 0;
    Object.keys(typed).forEach(function (key) {
      if (!stored[key]) return;
      number += 1;
      TYPED.forEach(function (field) {
        if (typed[key][field] !== undefined) changes.push({ key: key, field: field, value: typed[key][field] });
      });
      // What was seen when it was typed: who wrote meanwhile is not overwritten unseen.
      DATED.forEach(function (field) {
        stored[key][field] = typed[key].was[field];
      });
    });
    if (number) {
      write(changes, false).then(function () {
        tell(fill(words.restored, { count: number }));
      });
    }
  }
  function taken(found) {
    const rows = found.rows.map(function (values) {
      const row = { reason: "", note: "" };
      found.fields.forEach(function (field, at) {
        row[field] = values[at];
      });
      stored[row.key] = { promise: row.promise, actual: row.actual, lock: row.lock, reason: "", note: "" };
      return row;
    });
    return table.setData(rows).then(function () {
      tell("");
      restore();
      place.dataset.ready = "1";
    });
  }
  table.on("tableBuilt", function () {
    // Below a grid only groups of rows may take the focus: Tabulator's scrolling part takes it and says nothing.
    place.querySelector(".tabulator-tableholder").setAttribute("role", "rowgroup");
    place.querySelector(".tabulator-table").setAttribute("role", "presentation");
    tell(words.loading);
    asked.then(taken).catch(function (error) {
      tell(error.message === words.signed_out ? error.message : words.not_loaded);
    });
  });
  window.addEventListener("beforeunload", function (event) {
    if (edited().length) {
      keep();
      event.preventDefault();
    }
  });
})();
