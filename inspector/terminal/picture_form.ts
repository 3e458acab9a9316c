/** How a terminal can be sent a picture. */
export const pictureForms = ["kitty", "iterm", "sixel", "blocks", "none"] as const;
export type PictureForm = (typeof pictureForms)[number];

/** Variables of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The best way of showing pictures to the terminal that the environment tells of; none to what is no terminal, or wants no
 * colours. Nothing is asked of the terminal itself: an answer might never come.
 */
export function pictureFormOf(environment: Environment, isTerminal: boolean): PictureForm {
  const { TERM = "", TERM_PROGRAM = "", NO_COLOR = "" } = environment;
  if (!isTerminal || NO_COLOR !== "" || TERM === "dumb") return "none";
  // A multiplexer passes on no pictures, and what else the environment says is about the terminal around it.
  const isMultiplexed = environment.TMUX !== undefined || /^(screen|tmux)/.test(TERM);
  const own = isMultiplexed ? undefined : forms.find(({ knows }) => knows(environment, TERM, TERM_PROGRAM));
  return own?.form ?? (coloursOf(environment) === null ? "none" : "blocks");
}

/** Colours that a terminal can mix; null where it has too few to show a picture by. */
export function coloursOf({ TERM = "", COLORTERM = "", WT_SESSION }: Environment): "all" | "256" | null {
  if (/^(truecolor|24bit)$/i.test(COLORTERM) || WT_SESSION !== undefined || /-direct$/.test(TERM))
    return "all";
  return TERM.includes("256color") ? "256" : null;
}

interface Known {
  readonly form: PictureForm;
  knows(environment: Environment, term: string, program: string): boolean;
}

const forms: readonly Known[] = [
  {
    form: "kitty",
    knows: ({ KITTY_WINDOW_ID }, term, program) =>
      KITTY_WINDOW_ID !== undefined || /kitty|ghostty/.test(term) || program === "ghostty",
  },
  {
    form: "iterm",
    knows: ({ LC_TERMINAL }, _, program) =>
      /^(iTerm\.app|WezTerm|mintty)$/.test(program) || LC_TERMINAL === "iTerm2",
  },
  { form: "sixel", knows: (_, term) => /sixel|^(foot|mlterm|contour|yaft)/.test(term) },
];
