package settings

import "testing"

func TestDefault(t *testing.T) {
	s := Default()
	if got, want := s.Listen.Address, "127.0.0.1:7860"; got != want {
		t.Errorf("address = %q; want %q", got, want)
	}
	if got, want := s.Pool.MaxIdle, 256; got != want {
		t.Errorf("max_idle = %d; want %d", got, want)
	}
}
