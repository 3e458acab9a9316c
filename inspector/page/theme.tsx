import { useState } from "preact/hooks";

const THEME = "visplay-theme";
const themes = ["system", "light", "dark"] as const;
type Theme = (typeof themes)[number];

/** Light, dark, or as the system has it; kept in the browser. */
export function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(() => apply(stored()));
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] as Theme;
  const signs: Readonly<Record<Theme, string>> = { system: "◐", light: "○", dark: "●" };
  return (
    <button
      type="button"
      class="plain"
      title={`Theme: ${theme}`}
      aria-label={`Theme: ${theme}; change to ${next}`}
      onClick={() => setTheme(apply(next))}
    >
      {signs[theme]}
    </button>
  );
}

function stored(): Theme {
  try {
    return themes.find((theme) => theme === localStorage.getItem(THEME)) ?? "system";
  } catch {
    return "system"; // a page from a file may have no storage
  }
}

function apply(theme: Theme): Theme {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(THEME, theme);
  } catch {}
  dispatchEvent(new Event("themechange"));
  return theme;
}
