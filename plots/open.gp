# open.gp - opens OUT, WIDTH x HEIGHT cm, with the terminal that its ending asks for.

ENDING = strlen(OUT) > 4 ? OUT[strlen(OUT) - 3:*] : ""
there(terminal) = strstrt(" ".GPVAL_TERMINALS." ", " ".terminal." ") > 0

if (ENDING eq ".svg") {
    WANTED = "svg"
} else { if (ENDING eq ".pdf") {
    WANTED = "pdfcairo"
} else { if (ENDING eq ".png") {
    WANTED = there("pngcairo") ? "pngcairo" : "png"
} else { if (ENDING eq ".tex") {
    WANTED = there("tikz") ? "tikz" : "cairolatex"
} else {
    exit error "expected a file that ends in .svg, .png, .pdf or .tex, found ".OUT
} } } }
if (!there(WANTED)) {
    exit error "this gnuplot has no terminal ".WANTED." for files that end in ".ENDING.": install gnuplot-nox, or choose another ending (oodbench plot --format)"
}

# Points of print, as each terminal counts: an SVG's pixel is 1/96 inch, a PNG has 300 to
# the inch, and cairo takes 96 of its points for an inch.
if (WANTED eq "svg") {
    set terminal svg size WIDTH / 2.54 * 96, HEIGHT / 2.54 * 96 fixed noenhanced font "DejaVu Sans Condensed,Helvetica,Arial,sans-serif,10.67" linewidth 1.33 dashlength 0.5 background "#FFFFFF"
}
if (WANTED eq "pdfcairo") {
    set terminal pdfcairo size WIDTH cm, HEIGHT cm noenhanced font "DejaVu Sans Condensed,8" fontscale 0.75 linewidth 1.2 dashlength 0.5
}
if (WANTED eq "pngcairo") {
    set terminal pngcairo size int(WIDTH / 2.54 * 300), int(HEIGHT / 2.54 * 300) noenhanced font "DejaVu Sans Condensed,8" fontscale 3.125 linewidth 4 dashlength 0.5 pointscale 4
}
if (WANTED eq "png") {
    set terminal png size int(WIDTH / 2.54 * 300), int(HEIGHT / 2.54 * 300) noenhanced font "DejaVuSans,33" linewidth 4
}
if (WANTED eq "tikz") {
    eval sprintf("set terminal tikz size %gcm,%gcm font '\\footnotesize'", WIDTH, HEIGHT)
}
if (WANTED eq "cairolatex") {
    set terminal cairolatex pdf input size WIDTH cm, HEIGHT cm font ",8" fontscale 1
}
SMALL = WANTED eq "svg" ? ",9.33" : WANTED eq "tikz" ? "\\scriptsize" : WANTED eq "png" ? ",29" : ",7" # `font SMALL`: 7 pt
NORMAL = WANTED eq "svg" ? ",10.67" : WANTED eq "tikz" ? "\\footnotesize" : WANTED eq "png" ? ",33" : ",8"
set output OUT
