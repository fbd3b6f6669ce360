package assets

import (
	"bytes"
	"image/png"
	"strings"
	"testing"
)

func TestStateIcons(t *testing.T) {
	seen := map[string]string{}
	for _, state := range []string{"on", "degraded", "failing", "off"} {
		picture, err := png.Decode(bytes.NewReader(StateIcon(state)))
		if err != nil {
			t.Fatalf("%s: %v", state, err)
		}
		if got := picture.Bounds().Dx(); got != 64 {
			t.Errorf("%s: got %d pixels; want 64", state, got)
		}
		if len(TrayIcon(state)) == 0 {
			t.Errorf("%s: the tray has no icon", state)
		}
		if other, ok := seen[shape(t, state)]; ok {
			t.Errorf("%s has the shape of %s", state, other)
		}
		seen[shape(t, state)] = state
	}
	if !bytes.Equal(StateIcon("absent"), StateIcon("off")) {
		t.Error("an unknown state does not look as off")
	}
}

// The menu bar of macOS shows shapes alone: what is drawn in white elsewhere is a hole.
func TestTemplateIcons(t *testing.T) {
	seen := map[string]string{}
	for _, state := range []string{"on", "degraded", "failing", "off"} {
		picture, err := png.Decode(bytes.NewReader(TemplateIcon(state)))
		if err != nil {
			t.Fatalf("%s: %v", state, err)
		}
		if got := picture.Bounds().Dx(); got != 64 {
			t.Errorf("%s: got %d pixels; want 64", state, got)
		}
		for y := range 64 {
			for x := range 64 {
				if r, g, b, _ := picture.At(x, y).RGBA(); r+g+b != 0 {
					t.Fatalf("%s: the pixel at %d, %d is not black", state, x, y)
				}
			}
		}
		mask := shapeOf(t, TemplateIcon(state))
		if other, ok := seen[mask]; ok {
			t.Errorf("%s has the shape of %s", state, other)
		}
		seen[mask] = state
		hasHole := strings.Count(mask, "\x01") < strings.Count(shape(t, state), "\x01")
		if want := state == "degraded" || state == "failing"; hasHole != want {
			t.Errorf("%s: got a hole %v; want %v", state, hasHole, want)
		}
	}
}

// shape returns which pixels of a state's icon are drawn, whatever their colour.
func shape(t *testing.T, state string) string {
	t.Helper()
	return shapeOf(t, StateIcon(state))
}

// shapeOf returns which pixels of a picture are drawn.
func shapeOf(t *testing.T, text []byte) string {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var mask []byte
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			_, _, _, a := picture.At(x, y).RGBA()
			mask = append(mask, byte(a>>15))
		}
	}
	return string(mask)
}

func TestAppIcon(t *testing.T) {
	picture, err := png.Decode(bytes.NewReader(AppIcon))
	if err != nil {
		t.Fatal(err)
	}
	if got := picture.Bounds().Dx(); got != 256 {
		t.Errorf("got %d pixels; want 256", got)
	}
}
