package identity

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// A Position is a place in a text; both numbers begin with one.
type Position struct{ Line, Column int }

// A span is where something begins, and the place after its end.
type span struct{ start, end Position }

// statementSpans returns where the statements of a valid policy are.
func statementSpans(document string) []span {
	decoder := json.NewDecoder(strings.NewReader(document))
	_, _ = decoder.Token() // the object's brace
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil
		}
		if name == "Statement" {
			return statementsAt(decoder, document)
		}
		var skipped json.RawMessage
		if decoder.Decode(&skipped) != nil {
			return nil
		}
	}
	return nil
}

// statementsAt reads one statement or a list of them.
func statementsAt(decoder *json.Decoder, document string) (spans []span) {
	before := decoder.InputOffset()
	rest := strings.TrimLeft(document[before:], " \t\r\n:")
	if !strings.HasPrefix(rest, "[") {
		return []span{next(decoder, document)}
	}
	_, _ = decoder.Token() // the list's bracket
	for decoder.More() {
		spans = append(spans, next(decoder, document))
	}
	return spans
}

// next reads one value.
func next(decoder *json.Decoder, document string) span {
	var raw json.RawMessage
	if decoder.Decode(&raw) != nil {
		return span{}
	}
	end := int(decoder.InputOffset())
	return span{positionOf(document, end-len(raw)), positionOf(document, end)}
}

func positionOf(text string, offset int) Position {
	before := text[:offset]
	line := strings.LastIndexByte(before, '\n') + 1
	return Position{Line: strings.Count(before, "\n") + 1, Column: utf8.RuneCountInString(before[line:]) + 1}
}
