const prefixes: Readonly<Record<string, string>> = {
  nano: "n",
  micro: "μ",
  milli: "m",
  centi: "c",
  kilo: "k",
  mega: "M",
  giga: "G",
};

/** Units that take a prefix, by name; the letters are SI's. */
const prefixable: Readonly<Record<string, string>> = {
  meter: "m",
  metre: "m",
  gram: "g",
  liter: "L",
  litre: "L",
  second: "s",
  watt: "W",
  volt: "V",
  ampere: "A",
  joule: "J",
  newton: "N",
  pascal: "Pa",
  hertz: "Hz",
  ohm: "Ω",
};

/** Other spellings, with their symbol. */
const others: Readonly<Record<string, string>> = {
  l: "L",
  ml: "mL",
  sec: "s",
  min: "min",
  minute: "min",
  hour: "h",
  hr: "h",
  inch: "in",
  inches: "in",
  foot: "ft",
  feet: "ft",
  yard: "yd",
  mile: "mi",
  ounce: "oz",
  lb: "lb",
  pound: "lb",
  "mile per hour": "mph",
  "miles per hour": "mph",
  kmh: "km/h",
  kph: "km/h",
  ton: "t",
  tonne: "t",
  day: "day",
  week: "week",
  month: "month",
  year: "year",
  yr: "year",
  pixel: "px",
  percent: "%",
  "per cent": "%",
  percentage: "%",
  pct: "%",
  degree: "°",
  "degree celsius": "°C",
  "degrees celsius": "°C",
  celsius: "°C",
  "degree fahrenheit": "°F",
  "degrees fahrenheit": "°F",
  fahrenheit: "°F",
  deg: "°",
  dollar: "$",
  usd: "$",
  us$: "$",
  euro: "€",
  eur: "€",
  gbp: "£",
  yuan: "yuan",
};

const prefixed = Object.entries(prefixable).flatMap(([name, symbol]) =>
  [["", ""], ...Object.entries(prefixes)].map(([prefix, letter]): [string, string] => [
    `${prefix}${name}`,
    `${letter}${symbol}`,
  ]),
);
const symbols = new Set([...Object.values(others), ...prefixed.map(([, symbol]) => symbol)]);
const names = new Map([...Object.entries(others), ...prefixed]);

/**
 * The symbol of a unit, or null for what is none: "metres" and "m" are "m", "square feet" and "ft²" are
 * "ft^2", "metres per second" is "m/s". Nothing is converted: "cm" stays "cm". The case of a symbol counts
 * where it must ("mW", "MW", and all of one letter: "3M" is no length) and is forgiven where only one unit can be
 * meant ("CM").
 */
export function unitSymbol(text: string): string | null {
  const whole = factor(text);
  if (whole) return whole;
  const ratio = /^([^/]+?)(?:\s*\/\s*|\s+per\s+)([^/]+)$/i.exec(text);
  const [above, below] = [factor(ratio?.[1] ?? ""), factor(ratio?.[2] ?? "")];
  return above && below ? `${above}/${below}` : null;
}

function factor(text: string): string | null {
  const word = /^(?:(sq\.?|square)|cu\.?|cubic)\s+(.+)$/i.exec(text);
  const power = /^(.+?)\^?([23])$/.exec(text);
  if (word) return powerOf(word[2] as string, word[1] ? "2" : "3");
  return power ? powerOf(power[1] as string, power[2] as string) : symbolOf(text);
}

function powerOf(text: string, exponent: string): string | null {
  const symbol = symbolOf(text);
  return symbol && `${symbol}^${exponent}`;
}

function symbolOf(text: string): string | null {
  if (symbols.has(text)) return text;
  if (text.length === 1) return names.get(text) ?? null;
  const lower = text.toLowerCase();
  const named = names.get(lower) ?? names.get(lower.replace(/s$/, ""));
  if (named) return named;
  const [only, another] = [...symbols].filter((symbol) => symbol.toLowerCase() === lower);
  return only && !another ? only : null;
}
