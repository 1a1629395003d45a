
"use strict";
{
  const form = document.querySelector(".filters");
  if (form) {
    const cards = [...document.querySelectorAll(".card")];
    const buttons = [...form.querySelectorAll("button")];
    const select = form.querySelector("select");
    const status = form.querySelector(".status");
    const more = document.querySelector(".all-cards");
    const few = 6;
    let all = false;
    const show = () => {
      const kind = buttons.find((button) => button.getAttribute("aria-pressed") === "true").dataset.filter;
      const label = select.value;
      const found = [];
      for (const card of cards) {
        const fits = (mark) => (!kind || mark.dataset.kind === kind) && (!label || mark.dataset.class === label);
        const marks = [...card.querySelectorAll(".m")];
        const fitting = marks.some(fits) || (!label && (!kind || JSON.parse(card.dataset.kinds).includes(kind)));
        for (const mark of marks) mark.classList.toggle("faint", !fits(mark));
        card.hidden = !fitting;
        if (fitting) found.push(card);
      }
      const rest = !all ? found.slice(few) : [];
      for (const card of rest) card.hidden = true;
      more.hidden = !rest.length;
      more.textContent = more.dataset.text.replace("{count}", found.length);
      const shown = found.length - rest.length;
      status.textContent = status.dataset.text.replace("{shown}", shown).replace("{total}", cards.length);
      return rest;
    };
    for (const button of buttons) {
      button.addEventListener("click", () => {
        for (const other of buttons) other.setAttribute("aria-pressed", other === button);
        show();
      });
    }
    select.addEventListener("change", show);
    form.addEventListener("submit", (event) => event.preventDefault());
    more.addEventListener("click", () => {
      const [next] = show();
      all = true;
      show();
      next.tabIndex = -1;
      next.focus();
    });
    for (const card of cards) {
      const frame = card.querySelector(".frame");
      const toggle = () => {
        const large = card.classList.toggle("large");
        frame.setAttribute("aria-expanded", large);
        if (large) card.scrollIntoView({ block: "nearest" });
      };
      frame.addEventListener("click", toggle);
      frame.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        toggle();
      });
    }
    const reveal = () => {
      const card = cards.find((each) => location.hash === "#" + each.id);
      if (!card || !card.hidden) return;
      all = true;
      show();
      card.hidden = false;
      card.scrollIntoView();
    };
    addEventListener("hashchange", reveal);
    form.classList.add("ready");
    show();
    reveal();
  }

  const closed = [];
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open])")) {
      part.open = true;
      closed.push(part);
    }
  });
  addEventListener("afterprint", () => {
    for (const part of closed.splice(0)) part.open = false;
  });
}
