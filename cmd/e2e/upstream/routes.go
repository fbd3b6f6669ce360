package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// routes is everything that the service answers.
func routes(c *counters) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/messages", func(w http.ResponseWriter, r *http.Request) { messages(c, w, r) })
	mux.HandleFunc("/held", func(w http.ResponseWriter, r *http.Request) {
		if c.held(r) {
			_, _ = io.WriteString(w, "released")
		}
	})
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { file(w, r, 1<<20) })
	mux.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) { file(w, r, 50<<20) })
	mux.HandleFunc("/trailers", trailers)
	mux.HandleFunc("/hints", hints)
	mux.HandleFunc("/early", early)
	mux.HandleFunc("/gzip", zipped)
	mux.HandleFunc("/upgrade", upgrade)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/echo") { // before the mux, which tidies paths
			echo(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// file serves size bytes that do not repeat soon, with ranges and a validator.
func file(w http.ResponseWriter, r *http.Request, size int) {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	w.Header().Set("Etag", `"pattern"`)
	http.ServeContent(w, r, "pattern.bin", time.Time{}, bytes.NewReader(b))
}

// An echo says what arrived.
type echoed struct {
	Method, Target, Host, Proto string
	Header, Trailer             http.Header
	Length                      int64 // Content-Length, -1 when there was none
	Bytes                       int64
	Sum                         string // SHA-256 of the body, in hex
}

// echo reads the whole body and describes the request.
func echo(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(echoed{
		Method: r.Method, Target: r.RequestURI, Host: r.Host, Proto: r.Proto,
		Header: r.Header, Trailer: r.Trailer, Length: r.ContentLength,
		Bytes: n, Sum: hex.EncodeToString(sum.Sum(nil)),
	})
}

// trailers answers in two chunks and with a trailer behind them.
func trailers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Trailer", "Test-Sum")
	_, _ = io.WriteString(w, "first ")
	_ = http.NewResponseController(w).Flush()
	_, _ = io.WriteString(w, "second")
	w.Header().Set("Test-Sum", "42")
}

// hints sends 103 before the answer.
func hints(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Link", "</style.css>; rel=preload")
	w.WriteHeader(http.StatusEarlyHints)
	w.Header().Del("Link")
	_, _ = io.WriteString(w, "after the hints")
}

// early refuses without having read the body, which a client that waits for 100 never sends.
func early(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "who are you?", http.StatusUnauthorized)
}

// zipped sends compressed bytes, which nobody on the way may unpack.
func zipped(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = io.WriteString(z, strings.Repeat("packed ", 1000))
	_ = z.Close()
}

// upgrade switches protocols and then sends back what it gets, until the other side is done.
func upgrade(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		http.Error(w, "upgrade to websocket", http.StatusUpgradeRequired)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	head := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Accept: " + r.Header.Get("Sec-WebSocket-Key") + "\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		return
	}
	_, _ = io.Copy(conn, buffered)
}
