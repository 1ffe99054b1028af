package iam

import "testing"

func TestPinsAreWhatTheirTextSays(t *testing.T) {
	pins := Pins{"arn:aws:iam::123456789012:user/alice": "AIDAALICE"}
	read, err := ParsePins(pins.Text())
	if err != nil || len(read) != 1 || read["arn:aws:iam::123456789012:user/alice"] != "AIDAALICE" {
		t.Errorf("read %v, %v", read, err)
	}
	if none, err := ParsePins(Pins{}.Text()); none != nil || err != nil {
		t.Errorf("no pins are read as %v, %v", none, err)
	}
	if _, err := ParsePins("{"); err == nil {
		t.Error("half a text is read")
	}
}

func TestPrincipalHasItsIDAndThatOfItsRole(t *testing.T) {
	user, session := Principal{UserID: "AIDAALICE"}, Principal{UserID: "AROADEPLOY:ci"}
	for _, test := range []struct {
		principal Principal
		id        string
		want      bool
	}{
		{user, "AIDAALICE", true},
		{user, "AIDAALIC", false},
		{user, "AIDABOB", false},
		{user, "", true},
		{session, "AROADEPLOY", true},
		{session, "AROADEPLOY:ci", true},
		{session, "AROADEPLOY:c", false},
		{session, "AROADEP", false},
	} {
		if got := test.principal.HasID(test.id); got != test.want {
			t.Errorf("%q has id %q: %t", test.principal.UserID, test.id, got)
		}
	}
}
