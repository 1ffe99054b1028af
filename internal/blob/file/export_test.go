package file

import "fmt"

// UploadID returns the id of the upload that a state from [blob.Writer] Save
// belongs to.
func UploadID(state []byte) (string, error) {
	st, err := decodeState(state)
	if err != nil {
		return "", fmt.Errorf("upload id: %w", err)
	}
	return st.id.String(), nil
}
