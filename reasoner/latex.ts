/** What LaTeX means in plain characters: "\frac{3\pi}{2}" is "3π/2", "32 \mathrm{~cm}^{2}" is "32 cm^2". */

const greek = [
  ..."alpha:α beta:β gamma:γ delta:δ epsilon:ε varepsilon:ε zeta:ζ eta:η theta:θ vartheta:θ kappa:κ".split(
    " ",
  ),
  ..."lambda:λ mu:μ nu:ν xi:ξ pi:π rho:ρ sigma:σ tau:τ phi:φ varphi:φ chi:χ psi:ψ omega:ω".split(" "),
  ..."Gamma:Γ Delta:Δ Theta:Θ Lambda:Λ Sigma:Σ Phi:Φ Psi:Ψ Omega:Ω".split(" "),
];
const operators = [
  ..."cdot:* times:* ast:* div:/ pm:± le:≤ leq:≤ leqslant:≤ ge:≥ geq:≥ geqslant:≥ ne:≠ neq:≠".split(" "),
  ..."lt:< gt:> approx:≈ sim:~ infty:∞ cup:∪ cap:∩ in:∈ to:→ rightarrow:→ colon:: mid:| vert:|".split(" "),
];
const others = [
  ..."circ:° degree:° prime:' angle:∠ measuredangle:∠ triangle:△ ldots:... dots:... cdots:...".split(" "),
  ..."%:% $:$ &:& #:# _:_ lbrack:[ rbrack:]".split(" "),
];
const symbols: ReadonlyMap<string, string> = new Map(
  [...greek, ...operators, ...others].map((entry) => {
    const [name = "", ...symbol] = entry.split(":");
    return [name, symbol.join(":")] as const;
  }),
);

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));
const spaces = new Set([" ", ...words(", ; : quad qquad enspace newline \\")]);
const functions = words("sin cos tan cot sec csc tg ctg arcsin arccos arctan log ln lg exp");
/** Commands that only dress their argument. */
const dresses = words(
  "text textbf textit textrm textsf mathrm mathbf mathit mathsf mathcal mathbb boldsymbol bm operatorname boxed fbox mbox hbox underline vec",
);
/** Commands of which nothing is left. */
const nothing = words(
  "left right big Big bigg Bigg bigl bigr displaystyle textstyle limits rm bf ! ( ) [ ] { } -",
);

/** A text without LaTeX; an unknown command stays as it is. Takes time linear in the text. */
export function withoutLatex(text: string): string {
  return new LatexReader(withoutDelimiters(text)).rest();
}

/** Cuts `$…$`, and leaves dollars that are money: "$5 and $10", "5 $". */
function withoutDelimiters(text: string): string {
  return text
    .replace(/\s*\{\s*,\s*\}\s*|,\s*\\!\s*/g, ",")
    .replace(/\\\{([^{}\\]*)\\\}|^\{([^{}]*)\}$/g, (_, set, braced) => (set ?? braced).replace(/,\s*/g, ", "))
    .replace(/(?<!\\)\$\$/g, " ")
    .replace(/(?<!\\)\$(?=\\[A-Za-z])(?=[^$]*$)/g, "")
    .replace(/^\s*\$([^$\\]*(?:\\.[^$\\]*)*)\$(?=[\s.]*$)/, "$1")
    .replace(/(?<!\\|\d ?)\$\s+([^$]*[^$\\])\$(?!\d)/g, "$1")
    .replace(/(?<!\\)\$(?!\s)([^$]*[^\s$\\])\$(?!\d)/g, "$1");
}

class LatexReader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Everything up to a closing character, or to the end. */
  rest(closing?: string): string {
    let out = "";
    while (this.#at < this.#source.length) {
      const next = this.#source[this.#at];
      if (next === closing) {
        this.#at++;
        break;
      }
      out = this.#append(out);
    }
    return out;
  }

  #append(out: string): string {
    const character = this.#source[this.#at++] as string;
    if (character === "\\") return this.#command(out);
    if (character === "{") return out + this.rest("}");
    if (character === "}") return out;
    if (character === "~" && this.#at > 1) return `${out} `;
    if (character === "^" || character === "_") return out + this.#script(character);
    if (character === "√" && this.#takes(/\s*\{/y)) return `${out}√${atom(withoutSpaces(this.#argument()))}`;
    return out + character;
  }

  #command(out: string): string {
    const name = this.#takes(/[A-Za-z]+|[\s\S]/y) ?? "";
    const symbol = symbols.get(name);
    if (symbol !== undefined) return out + symbol;
    if (spaces.has(name)) return `${out} `;
    if (dresses.has(name)) return out + this.#argument();
    if (name === "overline" || name === "bar") return out + repeat(this.#argument());
    if (/^[dtc]?frac$/.test(name)) return this.#fraction(out);
    if (name === "sqrt") return out + this.#root();
    if (functions.has(name)) return out + name;
    if (name === "phantom") this.#argument();
    if (name === "left" || name === "right") this.#takes(/\./y);
    if (name === "" || name === "phantom" || nothing.has(name)) return out;
    return `${out}\\${name}${/^[A-Za-z{]/.test(this.#source.slice(this.#at, this.#at + 1)) ? " " : ""}`;
  }

  /** What a command applies to: a group, a command, or one character. */
  #argument(): string {
    this.#takes(/\s+/y);
    if (this.#at >= this.#source.length || this.#source[this.#at] === "}") return "";
    return this.#append("");
  }

  #script(mark: string): string {
    if (!this.#peeks(/\s*[{\\]/y)) return mark;
    const script = this.#argument().trim();
    if (mark === "^" && (script === "°" || script === "'")) return script;
    const isAtom = script.length < 2 || /^-?(?:\d+|\p{L}|th)$|^\([^()]*\)$/u.test(script);
    const isTouched = /\d$/.test(script) && this.#peeks(/\s*\d/y);
    return mark + (isAtom && !isTouched ? script : inBrackets(script));
  }

  #root(): string {
    const degree = this.#takes(/\s*\[[^\]]*\]/y)?.replace(/[\s[\]]/g, "");
    const isGroup = this.#peeks(/\s*\{/y);
    const radicand = withoutSpaces(this.#argument());
    if (isGroup && /\d$/.test(radicand) && this.#peeks(/\d/y)) return `√${inBrackets(radicand)}`;
    const sign = { "2": "√", "3": "∛", "4": "∜" }[degree ?? "2"];
    return sign ? sign + atom(radicand) : `root${degree}${inBrackets(radicand)}`;
  }

  #fraction(out: string): string {
    const above = withoutSpaces(this.#argument());
    const below = withoutSpaces(this.#argument());
    const before = out.trimEnd();
    if (/\d$/.test(before) && /^\d+$/.test(above) && /^\d+$/.test(below)) {
      return `${before} ${above}/${below}`;
    }
    const numerator = /(?!^)[-+±/]|\s\S/.test(above.replace(/\([^()]*\)/g, "")) ? inBrackets(above) : above;
    const ratio = `${numerator}/${/^\p{Lu}{2,}$/u.test(below) ? below : atom(below)}`;
    const isFactor = /(?:[\d√^π]|(?<!\p{L})\p{L})$|\)$/u.test(out) || this.#peeks(factor);
    return out + (isFactor ? inBrackets(ratio) : ratio);
  }

  #peeks(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    return pattern.test(this.#source);
  }

  /** Reads what matches here, if it does; a group is left to be read. */
  #takes(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0] ?? null;
    if (found !== null) this.#at += found.endsWith("{") ? found.length - 1 : found.length;
    return found;
  }
}

/** What makes the fraction before it a factor: a single letter, a bracket, π, a root. */
const factor =
  /\s*(?:[([{^√π]|\p{L}(?!\p{L})|\\(?:pi|sqrt|left|[dtc]?frac|alpha|beta|theta|sin|cos|tan|log|ln)(?![a-z]))/uy;

/** 0.(3): digits under a line repeat; letters under one name a segment. */
function repeat(text: string): string {
  return /^\d+$/.test(text) ? inBrackets(text) : text;
}

/** Without spaces, unless there are words. */
function withoutSpaces(text: string): string {
  return /\p{L}{2}/u.test(text) ? text.trim() : text.trim().replace(/(?<!\d) +| +(?!\d)/g, "");
}

function inBrackets(text: string): string {
  return `(${text})`;
}

/** In brackets, unless it is one number or one letter. */
function atom(text: string): string {
  return /^(?:\d+(?:\.\d+)?|\p{L}|)$/u.test(text) ? text : inBrackets(text);
}
