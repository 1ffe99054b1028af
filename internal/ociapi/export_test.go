package ociapi

// What the fuzz tests reach beside the handler.
var (
	ParseContentRange = parseContentRange
	Outcomes          = outcomes
)
