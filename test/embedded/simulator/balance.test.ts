import { describe, expect, it } from 'vitest';
import { checkBalance } from '../../../src/embedded/simulator/balance.js';

describe('balance check', () => {
  it.each([
    ['plain code', 'class A { void B() { int[] c = {1}; } }'],
    ['a line comment', 'class A { } // } ) ]'],
    ['a block comment', '/* { ( */ class A { }'],
    ['a string with braces', 'class A { string s = "}{(\\"{"; }'],
    ['a verbatim string', 'class A { string s = @"c:\\{""}"; }'],
    ['an interpolated string with nested quotes', 'class A { string s = $"{d["}"]} {{ {F(x)}"; }'],
    ['a raw string', 'class A { string s = """ { ( " """; }'],
    ['an interpolated raw string', 'class A { string s = $$""" { {{F("}")}} """; }'],
    ['a character', "class A { char c = '{', d = '\\''; }"],
    ['a preprocessor line', "class A {\n#region Bob's } part\n}\n#endregion"],
    ['a BOM', '\ufeffclass A { }'],
    ['nothing', ''],
  ])('given %s, it is balanced', (_, code) => {
    expect(checkBalance(code)).toEqual({ balanced: true });
  });

  it.each([
    ['a missing brace', 'class A {\n void B() {\n}\n', 4, '}'],
    ['a brace too many', 'class A {\n}\n}', 3, '{'],
    ['a wrong bracket', 'class A {\n int b = (1];\n}', 2, ')'],
  ])('given %s, it tells the line and what was expected', (_, code, line, expected) => {
    expect(checkBalance(code)).toEqual({ balanced: false, line, expected });
  });

  it('given holes nested a hundred thousand deep, it answers instead of exhausting the stack', () => {
    expect(checkBalance('$"{'.repeat(100_000))).toMatchObject({ balanced: false });
  });
});
