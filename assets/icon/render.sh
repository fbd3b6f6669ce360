#!/bin/sh
# Renders the icons of this folder from their SVG sources. Run it after a change
# to one of them, by "go generate ./assets" or by hand, and commit the result.
# It needs rsvg-convert (librsvg2-bin) and convert (imagemagick).
set -eu
cd "$(dirname "$0")"

# One picture of a source at a size.
picture() { rsvg-convert -w "$2" -h "$2" "$1.svg" -o "$3"; }

# One picture of a state for the menu bar of macOS, which takes its alpha alone and gives it a colour
# that fits: what is white in the drawing is a hole.
template() {
	sed 's/#12a086\|#e08c00\|#dc3b34\|#8b96a1/#000/g' "tray-$1.svg" | rsvg-convert -w 64 -h 64 -o t-all.png
	convert t-all.png -alpha extract t-alpha.png
	convert t-all.png -alpha off -colorspace Gray -negate t-alpha.png -compose multiply -composite t-mask.png
	convert -size 64x64 xc:black t-mask.png -alpha off -compose CopyOpacity -composite -strip "template-$1.png"
}

# The tray's states: one picture for Linux and macOS, whose panels scale it, and
# the sizes that Windows asks for at 100 to 300 percent.
for state in on degraded failing off; do
	picture "tray-$state" 64 "tray-$state.png"
	for size in 16 20 24 32 48; do picture "tray-$state" $size "t-$size.png"; done
	convert t-16.png t-20.png t-24.png t-32.png t-48.png "tray-$state.ico"
	template "$state"
done

# The application: a simpler drawing where the spokes would run together.
for size in 16 22 24; do picture app-small $size "app-$size.png"; done
for size in 32 48 64 128 256 512; do picture app $size "app-$size.png"; done
convert app-16.png app-24.png app-32.png app-48.png app-64.png app-256.png app.ico
rm -f t-*.png
