// Shows of each group of panels the one that its control chooses. Without this script all panels are shown.
for (const control of document.querySelectorAll("[data-choice]")) {
  const name = control.dataset.choice;
  const panels = document.querySelectorAll(`[data-panel="${name}"]`);
  const show = () => {
    const chosen = control.matches("select") ? control.value : control.querySelector("input:checked").value;
    for (const panel of panels) panel.hidden = panel.dataset.value !== chosen;
  };
  control.addEventListener("change", show);
  show();
}
document.documentElement.classList.add("scripted");
