using System;
using UnityEditor;
using Object = UnityEngine.Object;

namespace Spark.TopDownAction.Editor
{
    /// <summary>Sets private serialized fields of components, as the Inspector would.</summary>
    public static class SerializedFields
    {
        /// <summary>Throws when the component has no such field, so that a rename does not pass unseen.</summary>
        public static T Set<T>(this T component, string field, Action<SerializedProperty> assign) where T : Object
        {
            var serialized = new SerializedObject(component);
            SerializedProperty property = serialized.FindProperty(field);
            if (property == null) throw new ArgumentException(typeof(T).Name + " has no serialized field '" + field + "'.", nameof(field));
            assign(property);
            serialized.ApplyModifiedPropertiesWithoutUndo();
            return component;
        }

        public static T Set<T>(this T component, string field, Object value) where T : Object
        {
            return component.Set(field, property => property.objectReferenceValue = value);
        }

        public static T Set<T>(this T component, string field, Object[] values) where T : Object
        {
            return component.Set(field, property =>
            {
                property.arraySize = values.Length;
                for (int i = 0; i < values.Length; i++) property.GetArrayElementAtIndex(i).objectReferenceValue = values[i];
            });
        }
    }
}
