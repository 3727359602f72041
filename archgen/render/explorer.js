"use strict";
// The explorer page: details of what is pointed at, search, links to parts, opening all, themes.
// Everything that is shown was written by archgen into attributes; it is only ever set as text.

const byId = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const details = byId("page:details");
const search = byId("page:search");

// ---- details

let shown = null;

function show(target) {
  const part = target?.closest?.("[data-details]");
  shown = part;
  all("[aria-describedby]").forEach((other) => other.removeAttribute("aria-describedby"));
  details.hidden = !part;
  if (!part) return;
  details.textContent = part.dataset.details;
  part.setAttribute("aria-describedby", details.id);
  const place = (part.querySelector(":scope > .box") ?? part).getBoundingClientRect();
  const fits = place.right + details.offsetWidth + 20 < innerWidth;
  const left = fits ? place.right + 10 : Math.max(8, Math.min(place.left, innerWidth - details.offsetWidth - 8));
  const top = fits ? place.top : place.bottom + 8;
  details.style.setProperty("left", `${left}px`);
  details.style.setProperty("top", `${Math.max(8, Math.min(top, innerHeight - details.offsetHeight - 8))}px`);
}

addEventListener("mouseover", (event) => show(event.target));
addEventListener("focusin", (event) => show(event.target));
addEventListener("scroll", () => show(shown), { passive: true });

// ---- links to parts: #inception_a.b3x3.conv, and the name of a weight as a checkpoint has it

function partOf(path) {
  const names = path.split(".");
  for (let length = names.length; length > 0; length--) {
    const start = names.slice(0, length);
    const part = byId(start.join(".")) ?? byId(start.filter((name) => !/^\d+$/.test(name)).join("."));
    if (part) return part;
  }
  return null;
}

function reveal(part) {
  for (let outer = part; outer; outer = outer.parentElement) {
    if (outer.tagName === "DETAILS") outer.open = true;
  }
  if (part.classList.contains("stage")) part.querySelector("details")?.setAttribute("open", "");
}

function goTo() {
  const path = decodeURIComponent(location.hash.slice(1));
  const part = path && partOf(path);
  if (!part) return;
  reveal(part);
  const focused = part.querySelector(":scope > .row, :scope > details > .row, :scope > summary") ?? part;
  focused.scrollIntoView({ block: "center" });
  focused.focus({ preventScroll: true });
}

addEventListener("hashchange", goTo);
addEventListener("click", (event) => {
  const part = event.target.closest?.("g.box[id]");
  if (part) history.replaceState(null, "", `#${encodeURIComponent(part.id)}`);
});

// ---- search

let found = [];
let current = -1;

function find() {
  const asked = search.value.trim().toLowerCase().replaceAll("×", "x");
  const words = (part) => `${part.textContent} ${part.dataset.details}`.toLowerCase();
  found = asked ? all("[data-details]").filter((part) => words(part).includes(asked)) : [];
  current = -1;
  all(".found").forEach((box) => box.classList.remove("found"));
  found.forEach((part) => {
    (part.matches(".box") ? part : part.querySelector(".box")).classList.add("found");
    reveal(part.closest("details > :not(summary)") ?? part.parentElement);
  });
  document.body.classList.toggle("searching", found.length > 0);
  byId("page:found").textContent = asked ? `${found.length} found` : "";
}

function next(step) {
  if (!found.length) return;
  current = (current + step + found.length) % found.length;
  found[current].scrollIntoView({ block: "center" });
  show(found[current]);
  byId("page:found").textContent = `${current + 1} of ${found.length}`;
}

search.addEventListener("input", find);
addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Enter" && document.activeElement === search) {
    next(event.shiftKey ? -1 : 1);
  } else if (event.key === "Escape") {
    search.value = "";
    find();
    show(null);
  }
});

// ---- opening all, themes, paper

const opener = byId("page:all");
opener.addEventListener("click", () => {
  const open = all("main details").some((part) => !part.open);
  all("main details").forEach((part) => { part.open = open; });
  opener.textContent = open ? "Close all" : "Open all";
});

const root = document.documentElement;
const themer = byId("page:theme");
const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "")) === "dark";
const nameTheme = () => { themer.textContent = isDark() ? "Light" : "Dark"; };
themer.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  nameTheme();
});

addEventListener("beforeprint", () => all("main details").forEach((part) => { part.open = true; }));

nameTheme();
goTo();
