package assets

import (
	"bytes"
	"image/png"
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

// shape returns which pixels of an icon are drawn, whatever their colour.
func shape(t *testing.T, state string) string {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(StateIcon(state)))
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
