/** A PDF of two pages, which says `Hello harbour` on the first. It asks its reader to run a script, and to go and get `url`. */
export function pdfWithScript(url: string): Buffer {
  const script = `app.alert(1); this.submitForm("${url}pdf"); app.launchURL("${url}pdf");`
  const drawn = (text: string) => {
    const stream = `BT /F1 24 Tf 40 120 Td (${text}) Tj ET`
    return `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`
  }
  const page = (contents: number) =>
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents ${contents} 0 R /Annots [8 0 R] /AA << /O 7 0 R >> /Resources << /Font << /F1 6 0 R >> >> >>`
  return pdfOf([
    '<< /Type /Catalog /Pages 2 0 R /OpenAction 7 0 R /Names << /JavaScript << /Names [(run) 7 0 R] >> >> >>',
    '<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>',
    page(5),
    page(9),
    drawn('Hello harbour'),
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    `<< /S /JavaScript /JS (${script.replace(/[()\\]/g, '\\$&')}) >>`,
    `<< /Type /Annot /Subtype /Link /Rect [0 0 300 200] /A << /S /URI /URI (${url}link) >> >>`,
    drawn('Second page'),
  ])
}

/** A PDF of one page, a point wide and 14,400,000 points long, as long as the format allows. */
export function longPdf(): Buffer {
  return pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 1 14400000] >>',
  ])
}

/** A PDF that says 你好 in a font that it does not bring along, by a map of characters that every reader has to know. */
export function chinesePdf(): Buffer {
  const stream = 'BT /F1 24 Tf 40 120 Td <4F60597D> Tj ET'
  return pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    '<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [6 0 R] >>',
    '<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> /FontDescriptor 7 0 R /DW 1000 >>',
    '<< /Type /FontDescriptor /FontName /STSong-Light /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 80 >>',
  ])
}

/** Eight by eight black pixels in JPEG 2000, which browsers do not read by themselves. */
const JPEG_2000 = Buffer.from(
  'AAAADGpQICANCocKAAAAFGZ0eXBqcDIgAAAAAGpwMiAAAAAtanAyaAAAABZpaGRyAAAACAAAAAgAAQcHAAAAAAAPY29scgEAAAAAABEAAACQanAyY/9P/1EAKQAAAAAACAAAAAgAAAAAAAAAAAAAAAgAAAAIAAAAAAAAAAAAAQcBAf9SAAwAAAABAAMEBAAB/1wADUBASEhQSEhQSEhQ/2QAJQABQ3JlYXRlZCBieSBPcGVuSlBFRyB2ZXJzaW9uIDIuNS40/5AACgAAAAAAFQAB/5PfgAgHgICA/9k=',
  'base64',
)

/** A PDF of one black image. */
export function imagePdf(): Buffer {
  const stream = 'q 200 0 0 100 50 50 cm /I1 Do Q'
  return pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /XObject << /I1 5 0 R >> >> >>',
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    `<< /Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /JPXDecode /Length ${JPEG_2000.length} >>\nstream\n${JPEG_2000.toString('latin1')}\nendstream`,
  ])
}

/** A PDF of one page: a title, and lines below it. Characters of ASCII but `()\\` alone. */
export function pdfOfText(title: string, lines: readonly string[]): Buffer {
  const shown = lines.map((line) => `0 -20 Td (${line}) Tj`).join(' ')
  const stream = `BT /F1 22 Tf 50 240 Td (${title}) Tj /F1 11 Tf 0 -16 Td ${shown} ET`
  return pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 300] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ])
}

/** @param objects the first is the catalogue */
function pdfOf(objects: readonly string[]): Buffer {
  let text = '%PDF-1.7\n'
  const offsets = objects.map((object, at) => {
    const offset = text.length
    text += `${at + 1} 0 obj\n${object}\nendobj\n`
    return `${String(offset).padStart(10, '0')} 00000 n \n`
  })
  const start = text.length
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join('')}`
  return Buffer.from(
    `${text}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`,
    'latin1',
  )
}
