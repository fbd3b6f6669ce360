package bench

import (
	"strings"
	"testing"

	"millpond/proxy/leaktest"
)

// TestRivalsVerify starts each rival that this machine has before an upstream over TLS: it answers
// when the rival was told to trust that, and not when it was told to trust another.
func TestRivalsVerify(t *testing.T) {
	var right, other *certificate
	for _, c := range []**certificate{&right, &other} {
		var err error
		if *c, err = newCertificate(); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range foreign() {
		if r.onlyFirst {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			if !r.find() {
				t.Skip("it is not installed")
			}
			leaktest.Check(t)
			for _, tt := range []struct {
				name  string
				trust *certificate
				want  bool
			}{{"right", right, true}, {"other", other, false}} {
				up := &constant{}
				site, err := openSite(t.Context(), siteConfig{workers: 1, handler: up, tls: right})
				if err != nil {
					t.Fatal(err)
				}
				defer site.close()
				sub, err := r.launch(t.Context(), Options{Cores: 1}, origin{url: site.base(0), cert: tt.trust})
				if err != nil {
					t.Fatal(err)
				}
				defer sub.stop()
				ch := &channel{address: sub.address, wire: []byte("GET / HTTP/1.1\r\nHost: " + sub.address + "\r\n\r\n")}
				defer ch.close()
				_, err = ch.ask(t.Context())
				if got := err == nil; got != tt.want {
					t.Errorf("%s authority: got %v; want an answer: %v", tt.name, err, tt.want)
				}
				if !tt.want && (err == nil || !strings.Contains(err.Error(), "50") || up.requests.Load() != 0) {
					t.Errorf("%s authority: got %v and %d requests; want a status of 500 or more and none", tt.name, err, up.requests.Load())
				}
			}
		})
	}
}
