package wire

import "testing"

func TestFirst(t *testing.T) {
	var r Request
	n, err := ParseRequest([]byte("POST /v1/messages?x=%zz HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 3\r\n\r\nabc"), &r)
	if err != nil || n == 0 {
		t.Fatalf("got %d, %v; want a head", n, err)
	}
	f, err := r.Framing()
	if err != nil || f != (Framing{BodyLength, 3, true}) {
		t.Errorf("got %v, %v; want 3 bytes and keep-alive", f, err)
	}
}
