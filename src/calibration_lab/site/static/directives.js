// The book's own questions and sliders. No library, no request, nothing leaves the browser.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const percent = (p) => `${Math.round(100 * p)}%`;

  // ---- quiz -----------------------------------------------------------------------------------
  for (const quiz of all(".quiz")) {
    const feedback = all(".quiz-feedback > p", quiz);
    quiz.addEventListener("change", ({ target }) => {
      feedback.forEach((text, i) => (text.hidden = String(i) !== target.dataset.answer));
      for (const row of all(".quiz-answer", quiz)) row.classList.remove("right", "wrong");
      target.closest(".quiz-answer").classList.add(target.dataset.right === "true" ? "right" : "wrong");
    });
  }

  // ---- predict --------------------------------------------------------------------------------
  const STORE = "calibration-is-collateral/predictions";
  const load = () => {
    try { return JSON.parse(localStorage.getItem(STORE)) || {}; } catch { return {}; }
  };
  const save = (predictions) => {
    // private windows and some file:// pages refuse storage: the score is then shown, not kept
    try { localStorage.setItem(STORE, JSON.stringify(predictions)); } catch { /* not kept */ }
  };
  const summary = () => {
    const scored = Object.values(load()).filter(({ outcome }) => outcome !== null);
    if (!scored.length) return "";
    const mean = scored.reduce((sum, { p, outcome }) => sum + (p - outcome) ** 2, 0) / scored.length;
    const times = scored.length === 1 ? "1 prediction" : `${scored.length} predictions`;
    return `Your mean Brier score over ${times} in this book: ${mean.toFixed(3)}. Always saying 50% gives 0.250.`;
  };
  const show = (form, p, outcome) => {
    const score = form.querySelector(".predict-score");
    const line = (text) => Object.assign(document.createElement("p"), { textContent: text });
    const texts = [outcome === null
      ? `You said ${percent(p)}. The experiment did not decide, so there is no score.`
      : `You said ${percent(p)}. Your Brier score: ${((p - outcome) ** 2).toFixed(3)} (0 is best, 1 is worst).`];
    texts.push(summary());
    score.replaceChildren(...texts.filter(Boolean).map(line));
    document.getElementById(`${form.id}-answer`).classList.add("revealed");
    for (const control of all("input, button", form)) control.disabled = true;
  };
  for (const form of all("form.predict")) {
    const slider = form.querySelector("input[type=range]");
    const output = form.querySelector("output");
    const { key } = form.dataset;
    const outcome = form.dataset.outcome === "" ? null : Number(form.dataset.outcome);
    const label = () => {
      output.textContent = `${slider.value}%`;
      slider.setAttribute("aria-valuetext", `${slider.value} percent`);
    };
    slider.addEventListener("input", label);
    const earlier = load()[key];
    if (earlier) {
      slider.value = Math.round(100 * earlier.p);
      label();
      show(form, earlier.p, outcome);
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const p = Number(slider.value) / 100;
      save({ ...load(), [key]: { p, outcome } });
      show(form, p, outcome);
    });
  }
  for (const box of all(".predict-summary")) {
    const text = summary();
    if (!text) continue;
    const clear = Object.assign(document.createElement("button"), { type: "button", textContent: "Forget my predictions" });
    clear.addEventListener("click", () => { save({}); location.reload(); });
    box.replaceChildren(Object.assign(document.createElement("p"), { textContent: text }), clear);
  }
})();
