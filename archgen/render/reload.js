// A served page: when the server has another edition of it, it loads anew, with the same parts open.

const opened = JSON.parse(sessionStorage.getItem("archgen") ?? "null");
if (opened) {
  sessionStorage.removeItem("archgen");
  all("main details").forEach((part, number) => {
    const name = part.id || part.parentElement.id || `${number}`;
    if (name in opened.parts) part.open = opened.parts[name];
  });
  scrollTo(0, opened.top);
}

function reload() {
  const parts = {};
  all("main details").forEach((part, number) => { parts[part.id || part.parentElement.id || number] = part.open; });
  sessionStorage.setItem("archgen", JSON.stringify({ parts, top: scrollY }));
  location.reload();
}

new EventSource("events").addEventListener("edition", (event) => {
  if (event.data !== root.dataset.edition) reload();
});
