package e2e

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// An agoraMessage is what goes either way in AGORA: its working standard, sections 5 to 8, published in
// the repository agora-protocol/website-v2 (docs version 0.2, protocol/specification.md). It is posted
// to the server's base URL itself, or below it for a conversation.
type agoraMessage struct {
	ProtocolHash    *string  `json:"protocolHash,omitempty"`
	ProtocolSources []string `json:"protocolSources,omitempty"`
	Multiround      bool     `json:"multiround,omitempty"`
	Body            string   `json:"body,omitempty"`
	Status          string   `json:"status,omitempty"` // of answers, and all below
	Error           string   `json:"error,omitempty"`
	ConversationID  string   `json:"conversationId,omitempty"`
}

// protocolDocument is text with metadata, named by the SHA-1 of all of it (section 8).
const protocolDocument = "name: Echo\ndescription: answers with the question\nmultiround: true\n---\nThe body is any text."

func documentHash(text string) *string {
	sum := sha1.Sum([]byte(text))
	hash := hex.EncodeToString(sum[:])
	return &hash
}

// agoraWorker answers questions under the protocol above, one at a time or in a conversation.
func agoraWorker(f *fleet, n int, w http.ResponseWriter, r *http.Request) {
	var in agoraMessage
	if r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" || json.NewDecoder(r.Body).Decode(&in) != nil {
		http.Error(w, "not a message", http.StatusBadRequest)
		return
	}
	f.execute(in.Body)
	out := agoraMessage{Status: "success", Body: fmt.Sprintf("w-%d answers: %s", n, in.Body)}
	name := fmt.Sprint("talk-", n)
	switch r.RequestURI {
	case "/agora":
		if in.ProtocolHash != nil && (*in.ProtocolHash != *documentHash(protocolDocument) || !slices.Contains(in.ProtocolSources, protocolDocument)) {
			out = agoraMessage{Status: "failure", Error: "Unsupported protocol"}
		} else if in.Multiround {
			out.ConversationID = name
		}
	case "/agora/conversations/" + name:
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // the test sees what is missing
}

// TestAGORA lets a coordinator with one client per agent, as AGORA's are, ask 32 agents: freely, under
// a protocol, under one that they do not know, and in a conversation.
func TestAGORA(t *testing.T) {
	const agents = 32
	f := startFleet(t, agents, agoraWorker)
	d := serve(t, "", anywhere+f.entries("http", "/agora", ""))
	questions := []struct {
		path string
		ask  agoraMessage
		fail string
	}{
		{"", agoraMessage{}, ""},
		{"", agoraMessage{ProtocolHash: documentHash(protocolDocument), ProtocolSources: []string{protocolDocument}}, ""},
		{"", agoraMessage{ProtocolHash: documentHash("another")}, "Unsupported protocol"},
		{"", agoraMessage{Multiround: true}, ""},
		{"/conversations/talk-%d", agoraMessage{}, ""},
	}
	clients := make([]http.Client, agents)
	for n := range clients {
		transport := &http.Transport{}
		clients[n].Transport = transport
		t.Cleanup(transport.CloseIdleConnections)
	}
	inRounds(len(questions), agents, func(round, n int) {
		q := questions[round]
		q.ask.Body = fmt.Sprintf("question %d to %d", round, n)
		path := q.path
		if strings.Contains(path, "%d") {
			path = fmt.Sprintf(path, n)
		}
		got := askAGORA(t, &clients[n], fmt.Sprintf("%s/u/w-%d%s", d.URL, n, path), q.ask)
		want := agoraMessage{Status: "success", Body: fmt.Sprintf("w-%d answers: %s", n, q.ask.Body)}
		if q.fail != "" {
			want = agoraMessage{Status: "failure", Error: q.fail}
		}
		if q.ask.Multiround {
			want.ConversationID = fmt.Sprint("talk-", n)
		}
		if got.Status != want.Status || got.Body != want.Body || got.Error != want.Error || got.ConversationID != want.ConversationID {
			t.Errorf("round %d, agent %d: got %+v; want %+v", round, n, got, want)
		}
	})
	f.wantOnce(t, len(questions)*agents)
	if s := d.stats(t, len(questions)*agents); s.Outcomes["ok"] != len(questions)*agents || f.dials.Load() != agents {
		t.Errorf("got outcomes %v over %d dials; want all ok, over one to each agent", s.Outcomes, f.dials.Load())
	}
}

func askAGORA(t *testing.T, client *http.Client, url string, question agoraMessage) (answer agoraMessage) {
	body, err := json.Marshal(question)
	if err != nil {
		t.Error(err)
		return
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(string(body)))
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	got := whole(t, client, req)
	if err := json.Unmarshal([]byte(got.text), &answer); err != nil || got.status != http.StatusOK {
		t.Errorf("%s: got status %d, %q: %v", url, got.status, got.text, err)
	}
	return answer
}
