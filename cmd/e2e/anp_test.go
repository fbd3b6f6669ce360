package e2e

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// ANP's agents prove who they are by a signature of a DID's key, which covers the address that they
// call. The wire formats are those of the repository agent-network-protocol/AgentNetworkProtocol:
//
//   - version 1.0, 03-did-wba-method-design-specification.md, section 3.1: "Authorization: DIDWba ...",
//     a signature of the SHA-256 of nonce, timestamp, service (the host) and DID as canonical JSON;
//   - version 1.2, 02-anp-did-authentication-protocol-specification.md, section 3: HTTP message
//     signatures (RFC 9421) of method, URL, host and the body's digest (RFC 9530).
//
// The keys are Ed25519's, which the e1 profile of did:wba asks for. The workers know the one key that
// there is; finding it by its DID is between an agent and its provider, and does not pass here.
const did = "did:wba:coordinator.example:agent:alice"

// A signer signs requests for a URL, which need not be where they are sent.
type signer func(key ed25519.PrivateKey, r *http.Request, url, body, nonce string)

// signDIDWba signs as version 1.0.
func signDIDWba(key ed25519.PrivateKey, r *http.Request, url, _, nonce string) {
	now := time.Now().UTC().Format(time.RFC3339)
	signature := ed25519.Sign(key, didwbaBase(nonce, now, hostOf(url)))
	r.Header.Set("Authorization", fmt.Sprintf(`DIDWba did="%s", nonce="%s", timestamp="%s", verification_method="key-1", signature="%s"`,
		did, nonce, now, base64.RawURLEncoding.EncodeToString(signature)))
}

// didwbaBase is what is signed. Go sorts keys, which is all that RFC 8785 asks for strings like these.
func didwbaBase(nonce, timestamp, service string) []byte {
	text, _ := json.Marshal(map[string]string{"nonce": nonce, "timestamp": timestamp, "service": service, "did": did})
	sum := sha256.Sum256(text)
	return sum[:]
}

// signMessage signs as version 1.2.
func signMessage(key ed25519.PrivateKey, r *http.Request, url, body, nonce string) {
	now := time.Now().Unix()
	parameters := fmt.Sprintf(`("@method" "@target-uri" "@authority" "content-digest" "content-type");created=%d;expires=%d;nonce="%s";keyid="%s#key-1"`,
		now, now+60, nonce, did)
	r.Header.Set("Content-Digest", digest(body))
	r.Header.Set("Signature-Input", "sig1="+parameters)
	signature := ed25519.Sign(key, messageBase(r.Method, url, hostOf(url), r.Header, parameters))
	r.Header.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(signature)+":")
}

func digest(body string) string {
	sum := sha256.Sum256([]byte(body))
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// messageBase is the signature base of RFC 9421, section 2.5.
func messageBase(method, url, host string, h http.Header, parameters string) []byte {
	return fmt.Appendf(nil, "\"@method\": %s\n\"@target-uri\": %s\n\"@authority\": %s\n\"content-digest\": %s\n\"content-type\": %s\n\"@signature-params\": %s",
		method, url, strings.ToLower(host), h.Get("Content-Digest"), h.Get("Content-Type"), parameters)
}

func hostOf(url string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	return host
}

// quotedParameters finds name="value".
var quotedParameters = regexp.MustCompile(`(\w+)="([^"]*)"`)

// verify checks a request as it arrived, in whichever version it is, and returns its nonce.
func verify(key ed25519.PublicKey, r *http.Request, body string) (nonce string, err error) {
	authorization, isDIDWba := strings.CutPrefix(r.Header.Get("Authorization"), "DIDWba ")
	parameters, isMessage := strings.CutPrefix(r.Header.Get("Signature-Input"), "sig1=")
	text := authorization + parameters
	got := map[string]string{}
	for _, m := range quotedParameters.FindAllStringSubmatch(text, -1) {
		got[m[1]] = m[2]
	}
	var signed, signature []byte
	switch {
	case isDIDWba && got["did"] == did:
		signed = didwbaBase(got["nonce"], got["timestamp"], r.Host)
		signature, err = base64.RawURLEncoding.DecodeString(got["signature"])
	case isMessage && got["keyid"] == did+"#key-1" && r.Header.Get("Content-Digest") == digest(body):
		signed = messageBase(r.Method, "http://"+r.Host+r.RequestURI, r.Host, r.Header, parameters)
		signature, err = base64.StdEncoding.DecodeString(strings.Trim(strings.TrimPrefix(r.Header.Get("Signature"), "sig1="), ":"))
	default:
		return "", errors.New("no signature, or not of this body")
	}
	if err == nil && !ed25519.Verify(key, signed, signature) {
		err = fmt.Errorf("the signature is of other than %q", signed)
	}
	return got["nonce"], err
}

// anpWorker answers JSON-RPC, as ANP's structured interfaces do, to requests that are signed for the
// very address that it was called by. A nonce that comes twice is a replay.
func anpWorker(key ed25519.PublicKey) func(f *fleet, n int, w http.ResponseWriter, r *http.Request) {
	return func(f *fleet, n int, w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		nonce, err := verify(key, r, string(body))
		if err != nil || f.execute(nonce) > 1 {
			w.Header().Set("WWW-Authenticate", `DIDWba error="invalid_signature"`)
			http.Error(w, fmt.Sprint("refused: ", err), http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"result":"w-%d answers: %s"}`, n, nonce)
	}
}

// TestANP lets a coordinator ask 32 workers that verify its signature, in both ways that keep the host.
func TestANP(t *testing.T) {
	const agents = 32
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]signer{"1.0": signDIDWba, "1.2": signMessage}
	const path = "/agents/hotel/rpc?lang=en"
	ask := func(t *testing.T, client *http.Client, f *fleet, send func(n int) (signed, sent, host string)) {
		for version, sign := range versions {
			inRounds(2, agents, func(round, n int) {
				nonce := fmt.Sprintf("%s-%d-%d", version, round, n)
				body := `{"jsonrpc":"2.0","id":1,"method":"answer","params":{}}`
				signed, sent, host := send(n)
				req, err := http.NewRequestWithContext(t.Context(), "POST", sent, strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Host = host
				req.Header.Set("Content-Type", "application/json")
				sign(private, req, signed, body, nonce)
				want := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"result":"w-%d answers: %s"}`, n, nonce)
				if got := whole(t, client, req); got.text != want {
					t.Errorf("got status %d, %s; want %s", got.status, got.text, want)
				}
			})
		}
		f.wantOnce(t, len(versions)*2*agents)
	}
	t.Run("forward mode", func(t *testing.T) {
		f := startFleet(t, agents, anpWorker(public))
		d := serve(t, "", anywhere+f.forward())
		ask(t, byProxy(t, d), f, func(n int) (string, string, string) {
			return f.servers[n].URL + path, f.servers[n].URL + path, ""
		})
	})
	t.Run("preserve_host", func(t *testing.T) {
		f := startFleet(t, agents, anpWorker(public))
		var names []string
		for n := range agents {
			names = append(names, fmt.Sprintf("%q", fmt.Sprintf("agent-%d.example", n)))
		}
		d := serve(t, "", anywhere+"allowed_hosts = ["+strings.Join(names, ", ")+"]\n"+f.entries("http", "", "preserve_host = true\n"))
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: agents}}
		t.Cleanup(client.CloseIdleConnections)
		ask(t, client, f, func(n int) (string, string, string) {
			host := fmt.Sprintf("agent-%d.example", n)
			return "http://" + host + path, fmt.Sprintf("%s/u/w-%d%s", d.URL, n, path), host
		})
	})
	t.Run("neither", func(t *testing.T) { // which shows that the workers do look
		f := startFleet(t, 1, anpWorker(public))
		d := serve(t, "", anywhere+f.entries("http", "", ""))
		for version, sign := range versions {
			req, err := http.NewRequestWithContext(t.Context(), "POST", d.URL+"/u/w-0/rpc", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			sign(private, req, d.URL+"/u/w-0/rpc", "{}", version)
			if got := whole(t, plain, req); got.status != http.StatusUnauthorized {
				t.Errorf("%s: got status %d; want 401, since the host is another", version, got.status)
			}
		}
	})
}
