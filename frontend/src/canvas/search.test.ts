import { expect, it } from 'vitest'
import { rank } from './search'

const labels = ['Accept the suggestion', 'Add a page', 'Focus on the text', 'Go to the next page', 'Étude in blue']
const find = (query: string) => rank(labels, query, (label) => [label, label.startsWith('Focus') ? 'zen distraction' : ''])

it('puts the start of a label before the start of a word', () => expect(find('a')).toEqual(['Add a page', ...find('a').slice(1)]))
it('needs every word', () => expect(find('page next')).toEqual(['Go to the next page']))
it('knows the other words too', () => expect(find('zen')).toEqual(['Focus on the text']))
it('does not ask for accents', () => expect(find('etude')).toEqual(['Étude in blue']))
it('takes letters in order when nothing better is there', () => expect(find('fott')).toEqual(['Focus on the text']))
it('finds nothing for nonsense', () => expect(find('zzq')).toEqual([]))
