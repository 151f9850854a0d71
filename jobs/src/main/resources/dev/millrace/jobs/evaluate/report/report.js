"use strict";
// Filters for the lists of tasks and rows. Reads the page's own text, writes no markup.
(function () {
  function filter(bar, items, find, matches) {
    const text = bar.querySelector("[data-role=text]");
    const selects = Array.from(bar.querySelectorAll("select"));
    const count = bar.querySelector("[data-role=count]");
    let timer = 0;
    function apply() {
      const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const item of items) {
        const chosen = selects.every((s) => s.value === "" || matches(item, s.dataset.role, s.value));
        const fits = chosen && words.every((word) => find(item).includes(word));
        item.hidden = !fits;
        shown += fits ? 1 : 0;
      }
      count.textContent = shown + " of " + items.length + " shown";
    }
    text.addEventListener("input", function () {
      clearTimeout(timer);
      timer = setTimeout(apply, 120);
    });
    selects.forEach((select) => select.addEventListener("change", apply));
    bar.hidden = false;
    apply();
    return apply;
  }

  function cached(read) {
    const known = new WeakMap();
    return function (item) {
      if (!known.has(item)) {
        known.set(item, read(item).toLowerCase());
      }
      return known.get(item);
    };
  }

  const tasks = document.querySelector("[data-for=tasks]");
  if (tasks) {
    const items = Array.from(document.querySelectorAll(".tasks > tbody"));
    filter(tasks, items, cached((item) => item.dataset.find), (item, role, value) => item.classList.contains(value));
  }

  const rows = document.querySelector("[data-for=rows]");
  if (rows) {
    const items = Array.from(document.querySelectorAll(".flip"));
    const apply = filter(rows, items, cached((item) => item.textContent), (item, role, value) => item.dataset[role] === value);
    document.querySelectorAll("a[data-task]").forEach(function (link) {
      link.addEventListener("click", function () {
        rows.querySelector("[data-role=task]").value = link.dataset.task;
        apply();
      });
    });
  }

  // A link to a task opens it.
  function openTarget() {
    const target = location.hash.startsWith("#task-") && document.getElementById(location.hash.slice(1));
    const details = target && target.querySelector("details");
    if (details) {
      target.hidden = false;
      details.open = true;
    }
  }
  addEventListener("hashchange", openTarget);
  openTarget();
})();
