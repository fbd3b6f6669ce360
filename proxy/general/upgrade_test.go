package general

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"millpond/proxy/pool"
)

// A request to upgrade that is declined must be the last on its connection: the
// guard lets everything pass behind it, so a smuggled request could follow.
func TestDeclinedUpgradeEndsTheConnection(t *testing.T) {
	for _, upgrade := range []string{"websocket", "h2c"} {
		r := newRig(t, pool.Config{}, nil, serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "no") }))
		nc, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		fmt.Fprintf(nc, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", upgrade)
		in := bufio.NewReader(nc)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 200 || string(body) != "no" || !resp.Close {
			t.Errorf("%s: status %d, %q, close %v; want 200, no, true", upgrade, resp.StatusCode, body, resp.Close)
		}
		if _, err := in.ReadByte(); err != io.EOF {
			t.Errorf("%s: afterwards %v; want the end of the connection", upgrade, err)
		}
	}
}
