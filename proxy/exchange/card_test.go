package exchange

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

func at(t testing.TB, base, asked string) addresses {
	t.Helper()
	own, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	return addresses{own: own, asked: asked, prefix: "http://localhost:7860/u/w"}
}

func TestTranslate(t *testing.T) {
	const untouched = ""
	tests := []struct{ base, asked, url, want string }{
		{"http://10.0.0.7:9000", "", "http://10.0.0.7:9000/", "http://localhost:7860/u/w/"},
		{"http://10.0.0.7:9000", "", "http://10.0.0.7:9000", "http://localhost:7860/u/w/"},
		{"http://10.0.0.7:9000", "", "http://10.0.0.7:9000?a=b", "http://localhost:7860/u/w/?a=b"},
		{"http://10.0.0.7:9000", "", "HTTP://10.0.0.7:9000/a%2Fb//c?x=%zz&y", "http://localhost:7860/u/w/a%2Fb//c?x=%zz&y"},
		{"https://agent.example", "", "https://Agent.Example/rpc", "http://localhost:7860/u/w/rpc"},
		{"https://agent.example", "", "https://agent.example:443/rpc", "http://localhost:7860/u/w/rpc"},
		{"https://agent.example", "", "http://agent.example/rpc", "http://localhost:7860/u/w/rpc"}, // TLS ends before it
		{"https://agent.example/base", "", "https://agent.example/base/rpc", "http://localhost:7860/u/w/rpc"},
		{"https://agent.example/base", "", "https://agent.example/base", "http://localhost:7860/u/w"},
		{"https://agent.example/base", "", "https://agent.example/base?x", "http://localhost:7860/u/w?x"},
		{"http://127.0.0.1:9000", "", "http://localhost:9000/rpc", "http://localhost:7860/u/w/rpc"},
		{"http://localhost:9000", "", "http://0.0.0.0:9000/", "http://localhost:7860/u/w/"},
		{"http://127.0.0.1:9000", "", "http://[::1]:9000/", "http://localhost:7860/u/w/"},
		{"http://10.0.0.7:9000", "localhost:7860", "http://localhost:7860/rpc", "http://localhost:7860/u/w/rpc"}, // made of the Host

		{"https://agent.example/base", "", "https://agent.example/basement", untouched},
		{"https://agent.example/base", "", "https://agent.example/other", untouched},
		{"https://agent.example", "", "https://other.example/", untouched},
		{"https://agent.example", "", "https://agent.example:8443/", untouched},
		{"https://agent.example", "", "https://user@agent.example/", untouched},
		{"https://agent.example", "", "https://agent.example.evil/", untouched},
		{"https://agent.example", "", "wss://agent.example/", untouched},
		{"http://10.0.0.7:9000", "", "http://localhost:9000/", untouched},
		{"http://10.0.0.7:9000", "", "10.0.0.7:9000", untouched},
		{"http://10.0.0.7:9000", "", "see http://10.0.0.7:9000/", untouched},
		{"http://10.0.0.7:9000", "", "http://10.0.0.7:9000/a b%zz", untouched},
		{"http://10.0.0.7:9000", "", "", untouched},
	}
	for _, tt := range tests {
		got, ok := at(t, tt.base, tt.asked).translate(tt.url)
		if got != tt.want || ok != (tt.want != untouched) {
			t.Errorf("%s in the card of %s: got %q, %v; want %q", tt.url, tt.base, got, ok, tt.want)
		}
	}
}

// Everything but the URLs stays byte for byte: order, space, escapes, numbers, doubled keys.
func TestRewrite(t *testing.T) {
	tests := map[string][2]string{
		"version 0.3": {
			`{ "zeta":1.50, "url" : "http://a:9/rpc","name":"caf\u00e9 \/ <b>", "additionalInterfaces":[
	{"transport":"HTTP+JSON","url":"http:\/\/a:9\/v1"}, {"url":"http://elsewhere:9/","transport":"JSONRPC"}],
 "provider":{"url":"http://a:9/about?x=1&y=<2>"}, "description":"at http://a:9/rpc", "http://a:9/key":null,
 "signatures":[{"protected":"e30","signature":"QUFB"}], "zeta":1e3 }`,
			`{ "zeta":1.50, "url" : "http://localhost:7860/u/w/rpc","name":"caf\u00e9 \/ <b>", "additionalInterfaces":[
	{"transport":"HTTP+JSON","url":"http://localhost:7860/u/w/v1"}, {"url":"http://elsewhere:9/","transport":"JSONRPC"}],
 "provider":{"url":"http://localhost:7860/u/w/about?x=1&y=<2>"}, "description":"at http://a:9/rpc", "http://a:9/key":null,
 "signatures":[{"protected":"e30","signature":"QUFB"}], "zeta":1e3 }`,
		},
		"version 1.0": {
			`{"supportedInterfaces":[{"url":"http://a:9/","protocolBinding":"JSONRPC"},{"url":"http://a:9/","protocolBinding":"GRPC"}]}`,
			`{"supportedInterfaces":[{"url":"http://localhost:7860/u/w/","protocolBinding":"JSONRPC"},{"url":"http://a:9/","protocolBinding":"GRPC"}]}`,
		},
		"gRPC said first":  {`[{"transport" : "grpc","url":"http://a:9"}]`, `[{"transport" : "grpc","url":"http://a:9"}]`},
		"a string":         {`"http://a:9"`, `"http://localhost:7860/u/w/"`},
		"strings in a row": {`[ "http://a:9" , "http://a:9" ]`, `[ "http://localhost:7860/u/w/" , "http://localhost:7860/u/w/" ]`},
		"nothing to do":    {`{"url":"http://b/"}`, `{"url":"http://b/"}`},
		"no JSON":          {`{"url":"http://a:9/"`, `{"url":"http://a:9/"`},
		"two values":       {`"http://a:9" "http://a:9"`, `"http://a:9" "http://a:9"`},
		"not UTF-8":        {"{\"a\":\"\xff\",\"url\":\"http://a:9/\"}", "{\"a\":\"\xff\",\"url\":\"http://localhost:7860/u/w/\"}"},
		"empty":            {"", ""},
		"too deep":         {strings.Repeat("[", 20_000), strings.Repeat("[", 20_000)},
	}
	for name, tt := range tests {
		if got := string(at(t, "http://a:9", "").rewrite([]byte(tt[0]))); got != tt[1] {
			t.Errorf("%s: got %s; want %s", name, got, tt[1])
		}
	}
}

// No card panics, and one that was JSON stays JSON of the same shape.
func FuzzRewrite(f *testing.F) {
	f.Add([]byte(`{"url":"http://a:9/x","additionalInterfaces":[{"transport":"GRPC","url":"http://a:9"}]}`))
	f.Add([]byte(`[{"a":{"b":[null,true,1e9,"http:\/\/a:9"]}},"\ud800"]`))
	d := at(f, "http://a:9", "")
	f.Fuzz(func(t *testing.T, text []byte) {
		got := d.rewrite(text)
		if json.Valid(text) != json.Valid(got) {
			t.Errorf("%q became %q", text, got)
		}
		if again := d.rewrite(got); string(again) != string(got) {
			t.Errorf("%q became %q, and then %q", text, got, again)
		}
	})
}
