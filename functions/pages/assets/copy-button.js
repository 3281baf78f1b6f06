// <copy-button value="…">Copy</copy-button>: a button that copies a text. Without scripts there is none, and the text stands in a field beside it.
customElements.define('copy-button', class extends HTMLElement {
  connectedCallback() {
    if (this.querySelector('button') || !navigator.clipboard) return;
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...this.childNodes);
    const told = document.createElement('span');
    told.setAttribute('role', 'status');
    told.className = 'copied';
    button.addEventListener('click', async () => {
      told.textContent = '';
      try {
        await navigator.clipboard.writeText(this.getAttribute('value'));
        told.textContent = 'Copied';
      } catch {
        told.textContent = 'Not copied: select it and copy it yourself';
      }
    });
    this.replaceChildren(button, told);
    this.hidden = false;
    // After what has the focus without scripts.
    if (this.hasAttribute('data-first')) requestAnimationFrame(() => button.focus());
  }
});
