package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"millpond/proxy/control"
	"millpond/settings"
)

// finish answers 204, or the refusal that err stands for.
func finish(w http.ResponseWriter, err error) {
	fields := settings.FieldErrors(err)
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, control.ErrStale):
		refuse(w, http.StatusConflict, control.CodeStale, err.Error())
	case len(fields) > 0:
		writeJSON(w, http.StatusUnprocessableEntity, &control.Error{
			Code: control.CodeInvalid, Message: "the settings are not valid", Fields: fields,
		})
	default:
		refuse(w, http.StatusInternalServerError, "failed", err.Error())
	}
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, &control.Error{Code: code, Message: message})
}

// writeJSON answers with v. Writing fails only when the client has left, which
// then nobody needs to be told.
func writeJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the answer cannot be written as JSON: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}
