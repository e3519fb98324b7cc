// Replaces the parts of the page that the server sends again, marks what changed, and says so to screen readers.
// Everything works without this, but for the reload.
(function () {
  "use strict";

  var body = document.body;
  var lamp = document.getElementById("live");
  var announcement = document.getElementById("announcement");
  var OLD = "seen";

  function show(on) {
    lamp.classList.toggle("on", on);
    lamp.textContent = on ? lamp.dataset.on : lamp.dataset.off;
  }

  function versions(part) {
    var found = new Map();
    part.querySelectorAll("[data-version]").forEach(function (row) { found.set(row.id, row.dataset.version); });
    return found;
  }

  // Rows of processes that this answer does not speak of stay for a while: the next answer may be theirs.
  function keepOthers(part, fresh) {
    fresh.querySelectorAll("[data-merge]").forEach(function (list, at) {
      var before = part.querySelectorAll("[data-merge]")[at];
      var oldest = Date.now() - Number(list.dataset.merge) * 1000;
      Array.prototype.forEach.call(list.children, function (row) { row.dataset[OLD] = Date.now(); });
      if (!before) { return; }
      Array.prototype.slice.call(before.children).forEach(function (row) {
        var seen = Number(row.dataset[OLD] || Date.now());
        var known = Array.prototype.some.call(list.children, function (other) { return other.id === row.id; });
        if (known || seen < oldest) { return; }
        row.dataset[OLD] = seen;
        list.append(row);
      });
      Array.prototype.slice.call(list.children)
        .sort(function (a, b) { return a.id < b.id ? -1 : 1; })
        .forEach(function (row) { list.append(row); });
    });
  }

  // What has the focus keeps it: the same link in the new part.
  function focused(part) {
    var element = document.activeElement;
    if (!part.contains(element)) { return null; }
    if (element.getAttribute("href")) { return 'a[href="' + CSS.escape(element.getAttribute("href")) + '"]'; }
    return element.className ? "." + CSS.escape(element.classList[0]) : null;
  }

  function replace(part, html) {
    var template = document.createElement("template");
    template.innerHTML = html; // the server escapes every text, and the page's policy allows no inline code
    var before = versions(part);
    var focus = focused(part);
    keepOthers(part, template.content);
    part.replaceChildren(template.content);
    if (focus) {
      var again = part.querySelector(focus);
      if (again) { again.focus({ preventScroll: true }); }
    }
    return mark(part, before);
  }

  function mark(part, before) {
    var names = [];
    part.querySelectorAll("[data-version]").forEach(function (row) {
      if (before.get(row.id) === row.dataset.version) { return; }
      row.classList.add("changed");
      names.push(row.dataset.name);
    });
    return names;
  }

  // The page is about one process, and another one has answered. If that happens again and again, the page is about
  // the other one from now on.
  function adopt(pid) {
    strange += 1;
    if (strange < 10) { return; }
    strange = 0;
    body.dataset.stream = body.dataset.stream.replace(/pid=\d+/, "pid=" + pid);
    source.close();
    open();
  }

  function update(message) {
    var parts = JSON.parse(message.data);
    if (parts.pid) { adopt(parts.pid); } else { strange = 0; }
    var names = [];
    Object.keys(parts).forEach(function (name) {
      var part = document.getElementById("live-" + name);
      if (part) { names = names.concat(replace(part, parts[name])); }
    });
    show(true);
    if (names.length > 0) {
      announcement.textContent = body.dataset.changed.replace("{names}", names.slice(0, 5).join(", "));
    }
  }

  if (!body.dataset.stream || !window.EventSource) { return; }

  var lost = null;
  var strange = 0;
  var source = null;

  // A server that holds no stream open ends it after each answer; that is no loss.
  function open() {
    source = new EventSource(body.dataset.stream);
    source.onmessage = update;
    source.addEventListener("trouble", function (message) {
      show(false);
      announcement.textContent = JSON.parse(message.data);
    });
    source.onopen = function () {
      clearTimeout(lost);
      lost = null;
      show(true);
    };
    source.onerror = function () {
      lost = lost || setTimeout(function () {
        show(false);
        announcement.textContent = body.dataset.lost;
      }, 5000);
      if (source.readyState === EventSource.CLOSED) { setTimeout(open, 3000); }
    };
  }

  // A page that no one looks at holds no thread of the server.
  document.addEventListener("visibilitychange", function () {
    if (document.hidden) {
      source.close();
    } else if (source.readyState === EventSource.CLOSED) {
      open();
    }
  });
  open();
}());
