# headline.gp - a legend across the top, in as many lines as it needs, for figures of several
# panels. LEGEND is a list of texts as style.gp's listed() makes; legend_style(i) the line style
# of each; legend_filled(i) is 1 for an area in COLOUR[4]. Loaded before open.gp it gives
# LEGEND_HEIGHT in cm; loaded again, in the multiplot, it draws.

if (!exists("LEGEND_HEIGHT")) {
    legend_wide(i) = 0.75 + 0.135 * strlen(word(LEGEND, i))
    array LEGEND_X[words(LEGEND)]; array LEGEND_Y[words(LEGEND)]
    X = 0.1; Y = 0
    do for [legend_i = 1:words(LEGEND)] {
        if (X > 0.1 && X + legend_wide(legend_i) > WIDTH) { X = 0.1; Y = Y + 1 }
        LEGEND_X[legend_i] = X; LEGEND_Y[legend_i] = 0.22 + 0.36 * Y
        X = X + legend_wide(legend_i)
    }
    LEGEND_HEIGHT = 0.36 * (Y + 1) + 0.1
} else {
    do for [legend_i = 1:words(LEGEND)] {
        X = LEGEND_X[legend_i]; Y = 1 - LEGEND_Y[legend_i] / HEIGHT
        set label 900 + legend_i says(word(LEGEND, legend_i)) at screen (X + 0.5) / WIDTH, screen Y left font ",7" textcolor rgb INK
        if (legend_filled(legend_i)) {
            set object 900 + legend_i rectangle from screen X / WIDTH, screen Y - 0.1 / HEIGHT to screen (X + 0.4) / WIDTH, screen Y + 0.1 / HEIGHT \
                fillstyle transparent solid 0.35 noborder fillcolor rgb COLOUR[4]
        } else {
            set arrow 900 + legend_i from screen X / WIDTH, screen Y to screen (X + 0.4) / WIDTH, screen Y nohead linestyle legend_style(legend_i)
        }
    }
}
