package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"millpond/proxy/control"
	"millpond/settings"
)

// finish answers 204, or the refusal that err stands for.
func finish(w http.ResponseWriter, err error) {
	fields := settings.FieldErrors(err)
	var refused *control.Error
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.As(err, &refused) && refused.Status != 0:
		writeJSON(w, refused.Status, refused)
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

// readJSON reads the question's body into v, or refuses it: one object, whose fields we
// know all, so that what a newer client asks for is refused and not dropped.
func readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion))
	d.DisallowUnknownFields()
	switch err := d.Decode(v); {
	case err != nil && len(settings.FieldErrors(err)) > 0:
		finish(w, err)
		return false
	case err != nil:
		refuse(w, http.StatusBadRequest, "malformed", "the question cannot be read: "+err.Error())
		return false
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		refuse(w, http.StatusBadRequest, "malformed", "the question must be one object")
		return false
	}
	return true
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
