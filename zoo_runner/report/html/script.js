
"use strict";
{
  const form = document.querySelector(".filters");
  if (form) {
    const cards = [...document.querySelectorAll(".card")];
    const buttons = [...form.querySelectorAll("button")];
    const select = form.querySelector("select");
    const status = form.querySelector(".status");
    const show = () => {
      const kind = buttons.find((button) => button.getAttribute("aria-pressed") === "true").dataset.filter;
      const label = select.value;
      let shown = 0;
      for (const card of cards) {
        const fits = (mark) => (!kind || mark.dataset.kind === kind) && (!label || mark.dataset.class === label);
        const marks = [...card.querySelectorAll(".m")];
        const found = marks.some(fits) || (!label && (!kind || JSON.parse(card.dataset.kinds).includes(kind)));
        for (const mark of marks) mark.classList.toggle("faint", !fits(mark));
        card.hidden = !found;
        shown += found;
      }
      status.textContent = status.dataset.text.replace("{shown}", shown).replace("{total}", cards.length);
    };
    for (const button of buttons) {
      button.addEventListener("click", () => {
        for (const other of buttons) other.setAttribute("aria-pressed", other === button);
        show();
      });
    }
    select.addEventListener("change", show);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.classList.add("ready");
    show();
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
