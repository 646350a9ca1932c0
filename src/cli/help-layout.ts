import { Help, type HelpConfiguration } from 'commander'

/** Leaves half of 80 columns and more for what a flag does. */
const MAX_TERM_WIDTH = 26

/** A long flag has its text below it: as one column as wide as the longest flag, no text would fit into 80 columns. */
export const helpLayout: HelpConfiguration = {
  padWidth: (command, helper) =>
    Math.min(Help.prototype.padWidth.call(helper, command, helper), MAX_TERM_WIDTH),
  formatItem(term, termWidth, description, helper) {
    const format = (shown: string) =>
      Help.prototype.formatItem.call(helper, shown, termWidth, description, helper)
    return helper.displayWidth(term) <= termWidth ? format(term) : `  ${term}\n${format('')}`
  },
}
