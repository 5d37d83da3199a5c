# legend.gp - a legend along the lower edge, loaded before the (last) plot: `names`, a list, in
# line styles 1, 2, ..; KEYS side by side, LINES above each other, as style.gp counts them.

do for [m = 1:words(names)] {
    x = 0.35 + ((m - 1) % KEYS) * (WIDTH - 0.5) / KEYS
    y = 0.2 + (LINES - 1 - (m - 1) / KEYS) * 0.36
    set arrow 100 + m from screen x / WIDTH, screen y / HEIGHT to screen (x + 0.6) / WIDTH, screen y / HEIGHT nohead linestyle (m - 1) % 14 + 1
    set label 100 + m "" at screen (x + 0.3) / WIDTH, screen y / HEIGHT point linestyle (m - 1) % 14 + 1
    set label 200 + m says(word(names, m)) at screen (x + 0.75) / WIDTH, screen y / HEIGHT left textcolor rgb INK
}
