"""The language server: what an editor asks by the protocol, answered by `archgen.editor`."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path
from pygls.workspace import TextDocument

from archgen import __version__
from archgen.cli.checking import check_file
from archgen.cli.locate import CHECKED_KINDS, Found, kind_of_text
from archgen.cli.message_loop import converse
from archgen.cli.terminal import discard
from archgen.diagnostics import Diagnostic, Edit, Findings, Fix, Severity, Span, SpecError
from archgen.editor import (
    Analysis,
    Places,
    Symbol,
    analyse,
    definition,
    hints,
    hover,
    offers,
    symbols,
)
from archgen.editor.places import Place
from archgen.formatting import WouldChange, formatted
from archgen.spec.document import MappingNode, parse
from archgen.spec.files import SpecText, read_spec, start_of

PAUSE = 0.15  # seconds without a change before a text is checked
_SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.NOTE: lsp.DiagnosticSeverity.Information,
}
_OFFERS = {
    "op": lsp.CompletionItemKind.Function,
    "block": lsp.CompletionItemKind.Class,
    "key": lsp.CompletionItemKind.Property,
    "value": lsp.CompletionItemKind.Value,
    "param": lsp.CompletionItemKind.Variable,
}
_SYMBOLS = {
    "file": lsp.SymbolKind.Module,
    "block": lsp.SymbolKind.Class,
    "output": lsp.SymbolKind.Interface,
    "step": lsp.SymbolKind.Method,
}


class _Known(NamedTuple):
    """The analysis of one version of an open document, and its places."""

    version: int | None
    analysis: Analysis
    places: Places


class Server(LanguageServer):
    """The server with what it knows of the open documents."""

    def __init__(self) -> None:
        super().__init__("archgen", __version__, lsp.TextDocumentSyncKind.Full)
        self._known: dict[str, _Known] = {}

    def known(self, uri: str) -> _Known:
        """The analysis of a document as it is now. Raises JsonRpcInvalidParams for one that is not open."""
        document = self._open_document(uri)
        if document is None:
            raise JsonRpcInvalidParams(f"`{uri}` is not an open document")
        known = self._known.get(uri)
        if known is None or known.version != document.version:
            known = self._analysed(uri, document.version, document.source)
        return known

    def _analysed(self, uri: str, version: int | None, text: str) -> _Known:
        before = self._known.get(uri)
        analysis = self._analysis(_spec_text(uri, text), before.analysis if before else None)
        known = _Known(version, analysis, self.places(text))
        newest = self._known.get(uri)
        if self._open_document(uri) is not None and (newest is None or newest is before):
            self._known[uri] = known
        return known

    def _analysis(self, text: SpecText, before: Analysis | None) -> Analysis:
        kind = kind_of_text(text.text)
        if kind in ("network", "blocks") or (not kind and before is not None):
            return analyse(text, before, self._read)
        found = check_file(Found(text, kind)).diagnostics if kind in CHECKED_KINDS else ()
        root = parse(text.text, text.source, Findings())
        return Analysis(text, found, {text.source: text.text}, root, None, before).forgetting()

    def _read(self, path: Path, *, within: Path) -> SpecText:
        """A library: as the editor has it, if it is open there."""
        real = path.resolve()
        if real.is_relative_to(within):
            for document in self.workspace.text_documents.values():
                name = to_fs_path(document.uri)
                if name is not None and Path(name).resolve() == real:
                    return SpecText(str(path), document.source, path)
        return read_spec(path, within=within)

    def places(self, text: str) -> Places:
        """The places of a text, in the units that were agreed on."""
        encoding = self.workspace.position_encoding or lsp.PositionEncodingKind.Utf16
        return Places(text, str(getattr(encoding, "value", encoding)))

    def forget(self, uri: str) -> None:
        """Forgets a document that was closed, and takes its findings back."""
        self._known.pop(uri, None)
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    async def check_soon(self, uri: str, pause: float = PAUSE) -> None:
        """Publishes the findings of a document, once nothing was typed for a moment.

        Others that are open may use it, and are checked after it.
        """
        opened = self._open_document(uri)
        version = opened.version if opened is not None else None
        await asyncio.sleep(pause)
        names = [document.uri for document in self.workspace.text_documents.values()]
        for other in (uri, *(name for name in names if name != uri)):
            if not self._is_current(uri, version):
                return
            if other != uri:
                self._known.pop(other, None)
            await self._publish(other)

    def _open_document(self, uri: str) -> TextDocument | None:
        """The document that an editor has open under this address; pygls keeps them unescaped."""
        found: TextDocument | None = self.workspace.text_documents.get(unquote(uri))
        return found

    def _is_current(self, uri: str, version: int | None) -> bool:
        document = self._open_document(uri)
        return document is not None and document.version == version

    async def _publish(self, uri: str) -> None:
        document = self._open_document(uri)
        if document is None:
            return
        version, text = document.version, document.source
        known = await asyncio.to_thread(self._analysed, uri, version, text)
        if self._is_current(uri, version):
            found = [self._diagnostic(known, finding) for finding in known.analysis.findings]
            self.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(uri, found, version)
            )

    def _diagnostic(self, known: _Known, finding: Diagnostic) -> lsp.Diagnostic:
        """A finding for the editor; one that lies in a library stands where that is named."""
        own = known.analysis.text.source
        span = finding.span if finding.span.source == own else _use(known.analysis)
        words = [finding.message, finding.caption, *finding.notes]
        words += [f"help: {finding.help}"] if finding.help else []
        labels = [(label.span, label.text) for label in finding.labels]
        if finding.span.source != own:
            labels.insert(0, (finding.span, finding.message))
        return lsp.Diagnostic(
            self._range(known, span),
            "\n".join(word for word in words if word),
            _SEVERITIES[finding.severity],
            finding.rule.code,
            source="archgen",
            related_information=[
                lsp.DiagnosticRelatedInformation(self.location(known, span), text or "here")
                for span, text in labels
            ],
        )

    def location(self, known: _Known, span: Span) -> lsp.Location:
        """Where a span lies, in this document or in a library."""
        if span.source == known.analysis.text.source:
            return lsp.Location(_uri(known.analysis.text), self._range(known, span))
        file = known.analysis.file
        text = known.analysis.sources.get(span.source) or (
            file.sources().get(span.source, "") if file is not None else ""
        )
        start, end = self.places(text).range(span)
        uri = from_fs_path(str(Path(span.source).resolve())) or span.source
        return lsp.Location(uri, _lsp_range(start, end))

    def _range(self, known: _Known, span: Span) -> lsp.Range:
        return _lsp_range(*known.places.range(span))

    def actions(self, uri: str, wanted: lsp.Range) -> Iterator[lsp.CodeAction]:
        """The fixes of the findings in a range."""
        known = self.known(uri)
        for finding in known.analysis.findings:
            if finding.span.source != known.analysis.text.source:
                continue
            shown = self._diagnostic(known, finding)
            if shown.range.start.line > wanted.end.line or shown.range.end.line < wanted.start.line:
                continue
            for fix in finding.fixes:
                if fix.edits:
                    yield self._action(known, shown, fix)

    def _action(self, known: _Known, shown: lsp.Diagnostic, fix: Fix) -> lsp.CodeAction:
        edits: dict[str, list[lsp.TextEdit | lsp.AnnotatedTextEdit | lsp.SnippetTextEdit]] = {}
        for edit in fix.edits:
            uri, changed = self._text_edit(known, edit)
            edits.setdefault(uri, []).append(changed)
        return lsp.CodeAction(
            fix.title,
            lsp.CodeActionKind.QuickFix,
            diagnostics=[shown],
            is_preferred=fix.is_safe,
            edit=lsp.WorkspaceEdit(changes=edits),  # type: ignore[arg-type]  # lists are invariant
        )

    def _text_edit(self, known: _Known, edit: Edit) -> tuple[str, lsp.TextEdit]:
        where = self.location(known, edit.span)
        return where.uri, lsp.TextEdit(where.range, edit.text)


def _spec_text(uri: str, text: str) -> SpecText:
    """A document as a spec; one that is not a file yet, or can be none, has no libraries."""
    name = to_fs_path(uri) if uri.startswith("file:") else None
    if name is not None and "\0" in name:  # no file can be called so
        name = None
    return SpecText(name or uri, text, Path(name) if name else None)


def _uri(text: SpecText) -> str:
    if text.path is None:
        return text.source
    return from_fs_path(str(text.path)) or text.source


def _use(analysis: Analysis) -> Span:
    """Where a file names its libraries."""
    root = analysis.root
    key = root.key("use") if isinstance(root, MappingNode) else None
    return key.span if key is not None else start_of(analysis.text.source)


def _position(place: Place) -> lsp.Position:
    return lsp.Position(place.line, place.character)


def _place(position: lsp.Position) -> Place:
    return Place(position.line, position.character)


def _lsp_range(start: Place, end: Place) -> lsp.Range:
    return lsp.Range(_position(start), _position(end))


def _symbol(symbol: Symbol, places: Places) -> lsp.DocumentSymbol:
    return lsp.DocumentSymbol(
        symbol.name,
        _SYMBOLS[symbol.kind],
        _lsp_range(*places.range(symbol.span)),
        _lsp_range(*places.range(symbol.key)),
        detail=symbol.detail,
        children=[_symbol(inner, places) for inner in symbol.inside],
    )


def serve() -> bool:
    """Serves one editor over standard input and output; whether it ended the conversation in order."""
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    server = made()
    try:
        return converse(server, sys.stdin.buffer, sys.stdout.buffer).in_order
    except BrokenPipeError:  # the editor is gone, and with it everyone who would want to know
        discard(sys.stdout)
        return True
    finally:
        server.shutdown()  # type: ignore[no-untyped-call]  # pygls annotates it not


def made() -> Server:
    """The server with all that it answers."""
    server = Server()
    for part in (_follow_documents, _answer_questions, _answer_about_texts):
        part(server)
    return server


def _follow_documents(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(params: lsp.DidOpenTextDocumentParams) -> None:
        await server.check_soon(params.text_document.uri, 0.0)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(params: lsp.DidChangeTextDocumentParams) -> None:
        await server.check_soon(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: lsp.DidCloseTextDocumentParams) -> None:
        server.forget(params.text_document.uri)


def _answer_questions(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def on_hover(params: lsp.HoverParams) -> lsp.Hover | None:
        known = server.known(params.text_document.uri)
        found = hover(known.analysis, known.places.position(_place(params.position)))
        if found is None:
            return None
        content = lsp.MarkupContent(lsp.MarkupKind.Markdown, found.text)
        return lsp.Hover(content, _lsp_range(*known.places.range(found.span)))

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def on_definition(params: lsp.DefinitionParams) -> lsp.Location | None:
        known = server.known(params.text_document.uri)
        span = definition(known.analysis, known.places.position(_place(params.position)))
        return None if span is None else server.location(known, span)

    @server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=[" ", "{", ",", "."])
    )
    def on_completion(params: lsp.CompletionParams) -> lsp.CompletionList:
        known = server.known(params.text_document.uri)
        text = known.analysis.text.text
        before = text[: known.places.offset(_place(params.position))]
        items = [
            lsp.CompletionItem(
                offer.text,
                kind=_OFFERS[offer.kind],
                detail=offer.words.partition("\n")[0] or None,
                documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, offer.words),
                sort_text=f"{number:04}",
            )
            for number, offer in enumerate(offers(known.analysis, before))
        ]
        return lsp.CompletionList(is_incomplete=False, items=items)


def _answer_about_texts(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
    def on_inlay_hints(params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
        known = server.known(params.text_document.uri)
        wanted = range(params.range.start.line, params.range.end.line + 1)
        return [
            lsp.InlayHint(
                _position(known.places.line_end(hint.line - 1)),
                hint.text,
                padding_left=True,
                tooltip=lsp.MarkupContent(lsp.MarkupKind.Markdown, hint.words),
            )
            for hint in hints(known.analysis)
            if hint.line - 1 in wanted
        ]

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def on_symbols(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        known = server.known(params.text_document.uri)
        return [_symbol(symbol, known.places) for symbol in symbols(known.analysis)]

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix])
    )
    def on_code_action(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        return list(server.actions(params.text_document.uri, params.range))

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    def on_formatting(params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
        known = server.known(params.text_document.uri)
        text = known.analysis.text
        try:
            result = formatted(text) if known.analysis.kind else text.text
        except (SpecError, WouldChange):  # what is no sound YAML stays; its findings say why
            return []
        if result == text.text:
            return []
        return [lsp.TextEdit(_lsp_range(Place(0, 0), known.places.end()), result)]
