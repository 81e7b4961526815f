// <input type="file" data-into="id of a field"> puts what is in a file into the field; nothing is sent by it.
"use strict";

function offerFiles(input) {
  input.closest("[hidden]").hidden = false;
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (file) document.getElementById(input.dataset.into).value = await file.text();
  });
}

document.querySelectorAll("input[data-into]").forEach(offerFiles);
