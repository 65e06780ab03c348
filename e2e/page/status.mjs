// The status page in the browser, and what the test has to do with it.

// open opens the page in a tab of its own, which closes with the test.
export async function open(t, browser, url) {
  const tab = await browser.newPage();
  t.after(() => tab.close());
  const complaints = []; // of the browser about the page, its policy among them
  tab.on("console", (message) => complaints.push(message.text()));
  tab.on("pageerror", (error) => complaints.push(String(error)));
  tab.on("requestfailed", (request) => complaints.push(request.url()));
  await tab.goto(url);
  return {
    tab,
    complaints,
    // section is the part of the page with that heading.
    section: (name) => tab.getByRole("region", { name, exact: true }),
    // photograph writes a picture of the page down to the first differences.
    photograph: async (file) => {
      await tab.goto(url);
      await tab.emulateMedia({ colorScheme: "light" });
      await tab.setViewportSize({ width: 1000, height: 800 });
      const { y, height } = await tab.getByRole("table", { name: /differ/ }).boundingBox();
      await tab.screenshot({ path: file, fullPage: true, clip: { x: 0, y: 0, width: 1000, height: y + height + 16 } });
    },
  };
}

// The functions below run in the page.

// overflow returns what sticks out of the window.
export function overflow() {
  const width = document.documentElement.clientWidth;
  const out = [...document.querySelectorAll("body *")]
    .filter((element) => element.checkVisibility() && !element.closest(".hidden, thead"))
    .filter((element) => element.getBoundingClientRect().right > width + 0.5)
    .map((element) => `${element.tagName} ${element.textContent.slice(0, 60)}`);
  if (document.documentElement.scrollWidth > width) out.push(`the page is ${document.documentElement.scrollWidth} wide`);
  return out;
}

// faintTexts returns how many texts are seen, and those whose contrast with
// what is behind them is below 4.5 to 1.
export function faintTexts() {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if ((channels(color)[3] ?? 1) === 1) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const contrast = (element) => {
    const [light, dark] = [getComputedStyle(element).color, behind(element)].map(luminance).sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const texts = [...document.querySelectorAll("body *")].filter(
    (element) => element.checkVisibility() && [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()),
  );
  return {
    seen: texts.length,
    faint: texts.filter((element) => contrast(element) < 4.5).map((element) => `${contrast(element).toFixed(2)} ${element.outerHTML.slice(0, 80)}`),
    background: luminance(behind(document.body)) < 0.5 ? "dark" : "light",
  };
}
